/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The entries of one leaf whose records are read: which, which were asked for, which were seen. */
#ifndef FATHOM_KV_RECORDS_H
#define FATHOM_KV_RECORDS_H

#include "kv.h"

#define KV_ENTRIES 32

struct kv_records {
	__u32 count;
	__u32 asked;
	__u32 seen;
	__u32 reserved;
	__u64 key[KV_ENTRIES];
	__u64 pointer[KV_ENTRIES];
};

/* The path to the leaf, and the key that follows the leaf's subtree. */
struct kv_separator {
	__u64 key;
	__u32 exists;
	__u32 reserved;
};

/* Goes down towards a key and remembers the separator right of the child that is taken. */
static __always_inline int kv_descend_range(struct fathom_context *context, struct kv_head *head, const struct kv_page *page, __u64 low,
					    struct kv_separator *separator)
{
	__u32 child = kv_child(page, low);

	if (child < KV_SLOTS - 1 && child + 1 < page->count) {
		separator->key = page->head[child + 1];
		separator->exists = 1;
	}
	return kv_descend(context, head, page, child);
}

/* Takes entries of a leaf from low to high, at most so many; the index after the last one, or a fault. */
static __always_inline int kv_gather(struct kv_head *head, const struct kv_page *page, __u64 low, __u64 high, __u32 most, struct kv_records *records)
{
	__u64 first, index;
	__u32 i;

	/* Through memory: a verifier then follows the loop once, not once for each place it can begin at. */
	*(volatile __u32 *)&records->count = kv_below(page, low);
	first = *(volatile __u32 *)&records->count;
	for (i = 0; i < KV_SLOTS; i++) {
		__u64 extent;

		index = first + i;
		if (i >= most || index >= page->count || index >= KV_SLOTS)
			break;
		/* The place is computed from the index that was compared, not beside it. */
		fathom_opaque(index);
		if (page->head[index] > high)
			break;
		extent = page->pointer[index];
		if (!kv_is_record(head, extent))
			return kv_fail(head, KV_POINTER, kv_offset(head->pointer));
		if (kv_length(extent) > KV_READ_BYTES_MAX / 2)
			return kv_fail(head, KV_LONG_VALUE, kv_offset(extent));
		records->key[i] = page->head[index];
		records->pointer[i] = extent;
	}
	records->count = i;
	records->asked = 0;
	records->seen = 0;
	return (int)(first + i);
}

/* 1 when a < b, without a branch: values below 2^63. */
static __always_inline __u64 kv_is_below(__u64 a, __u64 b)
{
	__u64 difference = a - b;

	fathom_opaque(difference);
	return difference >> 63;
}

/* b when choice is 1, a when it is 0, without a branch. */
static __always_inline __u64 kv_choose(__u64 choice, __u64 a, __u64 b)
{
	return a ^ ((a ^ b) & -choice);
}

/*
 * Asks for the next records, one read for those in adjoining blocks; 0 when all were asked for.
 * Whether a record goes into the read before it is computed without a branch: the kernel's verifier would follow each way of joining 32 records. The
 * reads are gathered on the stack, where any of them can be written to, and then set one by one, because a place of the context must be a constant.
 */
static __always_inline int kv_ask(struct fathom_context *context, const struct kv_head *head, struct kv_records *records)
{
	__u64 offset[FATHOM_READS_MAX] = { 0 }, size[FATHOM_READS_MAX] = { 0 };
	__u64 start = 0, end = 0, reads = 0;
	__u32 asked = records->asked, i;

	if (asked >= records->count)
		return 0;
	/* The mask, not a comparison, keeps the index in its array: a verifier need not follow each start through the loop. */
	for (i = 0; i < KV_ENTRIES; i++) {
		__u64 extent = records->pointer[(asked + i) & (KV_ENTRIES - 1)], from, to, fresh;

		if (asked + i >= records->count)
			break;
		from = kv_block_start(head, extent);
		to = kv_block_end(head, extent);
		fresh = kv_is_below(reads, 1) | kv_is_below(from, start) | kv_is_below(end, from) | kv_is_below(KV_READ_BYTES_MAX, to - start);
		fathom_opaque(fresh);
		if (reads + fresh > FATHOM_READS_MAX)
			break;
		reads += fresh;
		start = kv_choose(fresh, start, from);
		end = kv_choose(fresh | kv_is_below(end, to), end, to);
		offset[(reads - 1) & (FATHOM_READS_MAX - 1)] = start;
		size[(reads - 1) & (FATHOM_READS_MAX - 1)] = end - start;
	}
#pragma clang loop unroll(full)
	for (__u32 read = 0; read < FATHOM_READS_MAX; read++) {
		context->next_offset[read] = offset[read];
		context->next_size[read] = (__u32)size[read];
	}
	records->asked = asked + i;
	return 1;
}

/*
 * The value of a record of at most 8 words, checked; its length, or a fault. Words beyond the value are zero.
 * A longer value is refused with KV_LONG_VALUE.
 */
static __always_inline int kv_read_record(struct fathom_context *context, __u64 extent, __u64 key, __u64 value[8])
{
	__u64 skip = kv_skip(context, extent), h[4], mix;
	__u32 length, words = 0;
	const __u32 *record = fathom_data(context, (__u32)skip, 8);

	if (!record)
		return KV_RECORD;
	length = record[1];
	if (length > 64)
		return 8 + (__u64)length > kv_length(extent) ? KV_RECORD : KV_LONG_VALUE;
	if (8 + ((length + 7) & ~7u) > kv_length(extent))
		return KV_RECORD;
	h[0] = kv_key_mix(key) + length + KV_PRIME;
	h[1] = h[0] + KV_PRIME;
	h[2] = h[1] + KV_PRIME;
	h[3] = h[2] + KV_PRIME;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < 8; i++) {
		const __u64 *word;

		value[i] = 0;
		if (i * 8 >= length)
			continue;
		word = fathom_data(context, (__u32)skip + 8 + i * 8, 8);
		if (!word)
			return KV_RECORD;
		value[i] = *word;
		/* What follows the value in its last word does not count. */
		if (length - i * 8 < 8)
			value[i] &= ~0ULL >> (64 - (length & 7) * 8);
		h[i & 3] = kv_round(h[i & 3], value[i]);
		words = i + 1;
	}
	mix = kv_fold(words, h[0], h[1], h[2], h[3]);
	return record[0] == (__u32)(mix ^ mix >> 32) ? (int)length : KV_RECORD;
}

/* Whether the block holds the whole record. */
static __always_inline int kv_holds(struct fathom_context *context, __u64 extent)
{
	__u64 skip = kv_skip(context, extent);

	return skip <= context->size && kv_length(extent) <= context->size - skip;
}

#endif
