// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Point look-up in a BPF-KV store of 8-byte keys: from any page down to the leaf, then the value record. */
#include "kv.h"

#define VALUE_WORDS 108

struct kv_get {
	struct kv_head head;
	__u64 key;
	__u64 value_pointer;
	__u32 value_length;
	__u32 reserved[3];
	__u64 value[VALUE_WORDS];
	__u64 page[6][KV_PAGE_BYTES / 8];
};

static __always_inline void hand_back(struct kv_get *get, const struct kv_page *page)
{
	__u32 index = get->head.pages;
	const __u64 *words = (const __u64 *)page;

	if (index >= get->head.hand_back || index >= 6)
		return;
	get->head.page_pointer[index] = get->head.pointer;
	for (int i = 0; i < KV_PAGE_BYTES / 8; i++)
		get->page[index][i] = words[i];
	get->head.pages = index + 1;
}

static __always_inline int take_record(struct fathom_context *context, struct kv_get *get)
{
	__u64 extent = get->head.pointer, skip = kv_skip(context, extent), offset = kv_offset(extent);
	__u64 h[4], word, mix;
	const __u32 *record;
	const __u64 *next;
	__u32 length, words = 0;

	if (skip > KV_READ_BYTES_MAX || skip + kv_length(extent) > context->size)
		return kv_fail(&get->head, KV_POINTER, offset);
	record = fathom_data(context, (__u32)skip, 8);
	if (!record)
		return kv_fail(&get->head, KV_POINTER, offset);
	length = record[1];
	if (length > VALUE_WORDS * 8 || 8 + ((length + 7) & ~7u) > kv_length(extent))
		return kv_fail(&get->head, KV_RECORD, offset);
	h[0] = kv_key_mix(get->key) + length + KV_PRIME;
	h[1] = h[0] + KV_PRIME;
	h[2] = h[1] + KV_PRIME;
	h[3] = h[2] + KV_PRIME;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < VALUE_WORDS; i += 4) {
#pragma clang loop unroll(full)
		for (__u32 lane = 0; lane < 4; lane++) {
			if (words * 8 >= length)
				break;
			next = fathom_data(context, (__u32)skip + 8 + (i + lane) * 8, 8);
			if (!next)
				return kv_fail(&get->head, KV_RECORD, offset);
			word = *next;
			/* What follows the value in its last word does not count. */
			if (length - words * 8 < 8)
				word &= ~0ULL >> (64 - (length & 7) * 8);
			h[lane] = kv_round(h[lane], word);
			get->value[i + lane] = word;
			words++;
		}
		if (words * 8 >= length)
			break;
	}
	mix = kv_fold(words, h[0], h[1], h[2], h[3]);
	if (record[0] != (__u32)(mix ^ mix >> 32))
		return kv_fail(&get->head, KV_RECORD, offset);
	get->value_length = length;
	return kv_finish(context, &get->head, KV_FOUND);
}

STORAGE_FUNCTION int kv_get_u64(struct fathom_context *context)
{
	struct kv_get *get = fathom_scratch(context, 0, KV_SCRATCH_BYTES);
	const struct kv_page *page;
	__u64 extent;
	__u32 index;
	int fault;

	if (!get)
		return KV_REQUEST;
	if (get->head.level == KV_RECORD_LEVEL)
		return take_record(context, get);
	page = kv_find_page(context, &get->head);
	if (!page)
		return kv_fail(&get->head, KV_POINTER, kv_offset(get->head.pointer));
	fault = kv_check_page(&get->head, page);
	if (fault)
		return fault;
	hand_back(get, page);
	if (get->head.level > 0)
		return kv_descend(context, &get->head, page, kv_child(page, get->key));
	index = kv_below(page, get->key);
	if (index >= KV_SLOTS || index >= page->count || page->head[index] != get->key)
		return kv_finish(context, &get->head, KV_NOT_FOUND);
	extent = page->pointer[index];
	if (!kv_is_record(&get->head, extent))
		return kv_fail(&get->head, KV_POINTER, kv_offset(get->head.pointer));
	get->value_pointer = extent;
	if (kv_length(extent) > 8 + VALUE_WORDS * 8)
		return kv_finish(context, &get->head, KV_LOCATION);
	return kv_next(context, &get->head, extent, KV_RECORD_LEVEL);
}

LICENSE("GPL");
