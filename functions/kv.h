/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Pages, records and the head of the scratch memory of BPF-KV, as in docs/formats/bpf-kv.md. */
#ifndef FATHOM_KV_H
#define FATHOM_KV_H

#include "fathom_storage.h"

#define KV_PRIME 0x9E3779B185EBCA87ULL
#define KV_SLOTS 31
#define KV_PAGE_BYTES 512
#define KV_RECORD_LEVEL 0xFFFFFFFFu
#define KV_DATA_OFFSET 8192
#define KV_FIXED_KEYS 8
#define KV_SCRATCH_BYTES 4096
#define KV_READ_BYTES_MAX 65536

enum kv_status { KV_RUNNING, KV_FOUND, KV_NOT_FOUND, KV_LOCATION, KV_SUSPENDED };

enum kv_fault {
	KV_PAGE_CHECKSUM = -1,
	KV_PAGE_LEVEL = -2,
	KV_PAGE_COUNT = -3,
	KV_PAGE_ORDER = -4,
	KV_POINTER = -5,
	KV_RECORD = -6,
	KV_REQUEST = -7,
	KV_SHORT_VALUE = -8,
	KV_LONG_VALUE = -9,
};

struct kv_head {
	__u32 status;
	__u32 pages;
	__u64 fault_offset;
	__u64 pointer;
	__u32 level;
	__u32 alignment;
	__u64 file_end;
	__u32 hand_back;
	__u32 reserved;
	__u64 page_pointer[6];
	__u64 reserved2[4];
};

struct kv_page {
	__u64 checksum;
	__u8 level;
	__u8 keys;
	__u16 count;
	__u16 slots;
	__u16 prefix;
	__u64 head[KV_SLOTS];
	__u64 pointer[KV_SLOTS];
};

static __always_inline __u64 kv_offset(__u64 extent)
{
	return extent >> 23 << 3;
}

static __always_inline __u32 kv_length(__u64 extent)
{
	return (__u32)(extent & 0x7FFFFF) << 3;
}

static __always_inline __u64 kv_round(__u64 h, __u64 word)
{
	h = (h ^ word) * KV_PRIME;
	return h << 29 | h >> 35;
}

static __always_inline __u64 kv_fold(__u64 count, __u64 h0, __u64 h1, __u64 h2, __u64 h3)
{
	__u64 x = kv_round(kv_round(kv_round(kv_round(count, h0), h1), h2), h3);

	x ^= x >> 32;
	x *= KV_PRIME;
	return x ^ x >> 29;
}

/* The checksum of a page: all its words but the first. */
static __always_inline __u64 kv_page_mix(__u64 seed, const __u64 *words)
{
	__u64 h0 = seed + KV_PRIME, h1 = h0 + KV_PRIME, h2 = h1 + KV_PRIME, h3 = h2 + KV_PRIME;

	for (int i = 1; i < 61; i += 4) {
		h0 = kv_round(h0, words[i]);
		h1 = kv_round(h1, words[i + 1]);
		h2 = kv_round(h2, words[i + 2]);
		h3 = kv_round(h3, words[i + 3]);
	}
	h0 = kv_round(h0, words[61]);
	h1 = kv_round(h1, words[62]);
	h2 = kv_round(h2, words[63]);
	return kv_fold(63, h0, h1, h2, h3);
}

/* The seed of a record's checksum: its key, a number of 8 bytes. */
static __always_inline __u64 kv_key_mix(__u64 key)
{
	__u64 h0 = 8 + KV_PRIME, h1 = h0 + KV_PRIME, h2 = h1 + KV_PRIME, h3 = h2 + KV_PRIME;

	return kv_fold(1, kv_round(h0, key), h1, h2, h3);
}

/* The extent that a pointer names within the block; more than 64 KiB when it lies outside. */
static __always_inline __u64 kv_skip(struct fathom_context *context, __u64 extent)
{
	return kv_offset(extent) - context->offset;
}

static __always_inline int kv_fail(struct kv_head *head, int fault, __u64 offset)
{
	head->fault_offset = offset;
	return fault;
}

/* Checks a page of the tree; 0, or what is wrong with it. */
static __always_inline int kv_check_page(struct kv_head *head, const struct kv_page *page)
{
	__u64 offset = kv_offset(head->pointer);
	__u32 count = page->count;

	if (page->checksum != kv_page_mix(offset, (const __u64 *)page))
		return kv_fail(head, KV_PAGE_CHECKSUM, offset);
	if (page->level != head->level || page->keys != KV_FIXED_KEYS)
		return kv_fail(head, KV_PAGE_LEVEL, offset);
	if (count < 1 || count > KV_SLOTS || page->slots != KV_SLOTS || page->prefix != 0)
		return kv_fail(head, KV_PAGE_COUNT, offset);
	for (__u32 i = 1; i < KV_SLOTS && i < count; i++)
		if (page->head[i - 1] >= page->head[i])
			return kv_fail(head, KV_PAGE_ORDER, offset);
	return 0;
}

/* Keys of a checked page that are below the one looked for. */
static __always_inline __u32 kv_below(const struct kv_page *page, __u64 key)
{
	__u32 below = 0;

	for (; below < KV_SLOTS; below++) {
		/* The compiler would drop the bound of an index that the array's size implies; the verifier needs it. */
		fathom_opaque(below);
		if (below >= page->count || page->head[below] >= key)
			break;
	}
	return below;
}

/* The child that holds a key. */
static __always_inline __u32 kv_child(const struct kv_page *page, __u64 key)
{
	__u32 below = kv_below(page, key);

	if (below < KV_SLOTS && below < page->count && page->head[below] == key)
		return below;
	return below == 0 ? 0 : below - 1;
}

static __always_inline int kv_is_page(const struct kv_head *head, __u64 extent)
{
	__u64 offset = kv_offset(extent);

	return offset >= KV_DATA_OFFSET && kv_length(extent) == KV_PAGE_BYTES && (offset & (KV_PAGE_BYTES - 1)) == 0 &&
	       offset + KV_PAGE_BYTES <= head->file_end;
}

static __always_inline int kv_is_record(const struct kv_head *head, __u64 extent)
{
	__u64 offset = kv_offset(extent);

	return offset >= KV_DATA_OFFSET && kv_length(extent) >= 8 && offset + kv_length(extent) <= head->file_end;
}

static __always_inline __u64 kv_block_start(const struct kv_head *head, __u64 extent)
{
	return kv_offset(extent) & -(__u64)head->alignment;
}

static __always_inline __u64 kv_block_end(const struct kv_head *head, __u64 extent)
{
	return (kv_offset(extent) + kv_length(extent) + head->alignment - 1) & -(__u64)head->alignment;
}

/* Asks for an extent as the only next read. */
static __always_inline int kv_next(struct fathom_context *context, struct kv_head *head, __u64 extent, __u32 level)
{
	head->pointer = extent;
	head->level = level;
	context->next_offset[0] = kv_block_start(head, extent);
	context->next_size[0] = (__u32)(kv_block_end(head, extent) - kv_block_start(head, extent));
	return 0;
}

static __always_inline int kv_finish(struct fathom_context *context, struct kv_head *head, __u32 status)
{
	head->status = status;
	context->done = 1;
	return 0;
}

/* The page that was read for head->pointer, unchecked; null when the block does not hold it. */
static __always_inline const struct kv_page *kv_find_page(struct fathom_context *context, struct kv_head *head)
{
	__u64 skip = kv_skip(context, head->pointer);

	if (skip > KV_READ_BYTES_MAX || kv_length(head->pointer) != KV_PAGE_BYTES)
		return 0;
	return fathom_data(context, (__u32)skip, KV_PAGE_BYTES);
}

/* Goes down to the child that holds a key. */
static __always_inline int kv_descend(struct fathom_context *context, struct kv_head *head, const struct kv_page *page, __u32 child)
{
	__u64 extent;

	if (child >= KV_SLOTS)
		return KV_REQUEST;
	extent = page->pointer[child];
	if (!kv_is_page(head, extent))
		return kv_fail(head, KV_POINTER, kv_offset(head->pointer));
	return kv_next(context, head, extent, head->level - 1);
}

#endif
