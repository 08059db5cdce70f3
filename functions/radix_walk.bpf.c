// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Look-up in a radix tree on disk: nodes of 256 children of 8 bytes, one for each value of the key's next byte, highest first. Of a node only the
 * block of 512 bytes that holds the child is read. A child is an offset (a multiple of 2048), 0 for none; that of the last byte is the value.
 */
#include "fathom_storage.h"

#define BLOCK_BYTES 512
#define NODE_BYTES 2048

enum { FOUND = 1, NOT_FOUND = 2 };
enum { BAD_BLOCK = -1, BAD_NODE = -2, BAD_REQUEST = -3 };

struct walk {
	__u64 key;
	__u64 value;
	__u32 status;
	__u32 depth;      /* bytes of the key that are behind; 0 at first */
	__u32 key_bytes;  /* 1 to 8 */
	__u32 reserved;
	__u64 visited[8]; /* offsets of the blocks that were read */
};

/* Each byte of the key picks a child: where a byte's position is looked up rather than computed, to show read-only globals. */
static const __u8 shift_of_depth[8] = { 56, 48, 40, 32, 24, 16, 8, 0 };

/* Walks that found their key, for whoever looks. */
static __u64 found_total;

static __always_inline __u32 digit(__u64 key, __u32 depth)
{
	return (__u32)(key >> (shift_of_depth[depth & 7] & 63)) & 255;
}

STORAGE_FUNCTION int radix_walk(struct fathom_context *context)
{
	struct walk *walk = fathom_scratch(context, 0, sizeof(*walk));
	const __u64 *children = fathom_data(context, 0, BLOCK_BYTES);
	__u32 depth;
	__u64 child;

	if (!walk || walk->key_bytes < 1 || walk->key_bytes > 8 || walk->depth >= walk->key_bytes)
		return BAD_REQUEST;
	if (!children)
		return BAD_BLOCK;
	depth = walk->depth;
	walk->visited[depth & 7] = context->offset;
	child = children[digit(walk->key, depth) & 63];
	depth++;
	walk->depth = depth;
	if (child == 0) {
		walk->status = NOT_FOUND;
		context->done = 1;
		return 0;
	}
	if (depth == walk->key_bytes) {
		walk->value = child;
		walk->status = FOUND;
		__sync_fetch_and_add(&found_total, 1);
		context->done = 1;
		return 0;
	}
	if (child & (NODE_BYTES - 1))
		return BAD_NODE;
	context->next_offset[0] = child + digit(walk->key, depth) / 64 * BLOCK_BYTES;
	context->next_size[0] = BLOCK_BYTES;
	return 0;
}

LICENSE("GPL");
