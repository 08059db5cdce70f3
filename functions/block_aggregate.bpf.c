// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* COUNT, SUM, MIN and MAX over the 64-bit numbers of the block that was read, 4 KiB at a time, at most 64 KiB. */
#include "fathom_storage.h"

#define PIECE_BYTES 4096
#define PIECES_MAX 16

struct aggregate {
	__u64 count;
	__s64 sum;
	__s64 min;
	__s64 max;
};

/* Without a branch: 8192 of them, each undecided, are more than the kernel's verifier puts aside. */
static __always_inline __s64 smaller(__s64 a, __s64 b)
{
	__s64 mask = ((a & ~b) | (~(a ^ b) & (__s64)((__u64)a - (__u64)b))) >> 63;

	fathom_opaque(mask);
	return b ^ ((a ^ b) & mask);
}

STORAGE_FUNCTION int block_aggregate(struct fathom_context *context)
{
	struct aggregate *out = fathom_scratch(context, 0, sizeof(*out));
	__s64 sum, min, max;
	__u64 count;

	if (!out)
		return -1;
	count = out->count;
	sum = out->sum;
	min = out->min;
	max = out->max;
	for (__u32 piece = 0; piece < PIECES_MAX; piece++) {
		const __s64 *numbers = fathom_data(context, piece * PIECE_BYTES, PIECE_BYTES);

		if (!numbers)
			break;
		for (int i = 0; i < PIECE_BYTES / 8; i++) {
			__s64 number = numbers[i];

			sum += number;
			min = smaller(number, min);
			max = ~smaller(~number, ~max);
		}
		count += PIECE_BYTES / 8;
	}
	out->count = count;
	out->sum = sum;
	out->min = min;
	out->max = max;
	context->done = 1;
	return 0;
}

LICENSE("GPL");
