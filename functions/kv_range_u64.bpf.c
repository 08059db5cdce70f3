// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The pairs of one leaf within a range, up to 32, from a BPF-KV store of 8-byte keys. The caller goes on with next_key. */
#include "kv_records.h"

#define PAIRS 32

struct kv_pair {
	__u64 key;
	__u32 value_length;
	__u32 reserved;
	__u64 value[8];
};

struct kv_range {
	struct kv_head head;
	__u64 low;
	__u64 high;
	__u32 pair_max;
	__u32 pair_count;
	__u64 next_key;
	__u32 more;
	__u32 reserved;
	struct kv_separator separator;
	__u64 reserved2[41];
	struct kv_pair pair[PAIRS];
	struct kv_records records;
	__u64 reserved3[62];
};

static __always_inline int take_records(struct fathom_context *context, struct kv_range *range)
{
	for (__u32 i = 0; i < KV_ENTRIES; i++) {
		__u64 extent = range->records.pointer[i];
		int length;

		if (i >= range->records.count)
			break;
		if ((range->records.seen & 1u << i) || !kv_holds(context, extent))
			continue;
		length = kv_read_record(context, extent, range->records.key[i], range->pair[i].value);
		if (length < 0)
			return kv_fail(&range->head, length, kv_offset(extent));
		range->records.seen |= 1u << i;
		range->pair[i].key = range->records.key[i];
		range->pair[i].value_length = (__u32)length;
		range->pair[i].reserved = 0;
	}
	if (context->reads_pending > 0 || kv_ask(context, &range->head, &range->records))
		return 0;
	if (range->records.seen != (__u32)((1ULL << (range->records.count & 63)) - 1))
		return KV_REQUEST;
	return kv_finish(context, &range->head, KV_FOUND);
}

static __always_inline int take_leaf(struct fathom_context *context, struct kv_range *range, const struct kv_page *page)
{
	__u64 next;
	int after, more;

	if (range->pair_max < 1 || range->pair_max > PAIRS || range->low > range->high)
		return KV_REQUEST;
	after = kv_gather(&range->head, page, range->low, range->high, range->pair_max, &range->records);
	if (after < 0)
		return after;
	range->pair_count = range->records.count;
	if (after < KV_SLOTS && after < page->count) {
		next = page->head[after];
		more = next <= range->high;
	} else {
		next = range->separator.key;
		more = range->separator.exists && next <= range->high;
	}
	range->next_key = next;
	range->more = (__u32)more;
	range->head.level = KV_RECORD_LEVEL;
	return kv_ask(context, &range->head, &range->records) ? 0 : kv_finish(context, &range->head, KV_FOUND);
}

STORAGE_FUNCTION int kv_range_u64(struct fathom_context *context)
{
	struct kv_range *range = fathom_scratch(context, 0, KV_SCRATCH_BYTES);
	const struct kv_page *page;
	int fault;

	if (!range)
		return KV_REQUEST;
	if (range->head.level == KV_RECORD_LEVEL)
		return take_records(context, range);
	page = kv_find_page(context, &range->head);
	if (!page)
		return kv_fail(&range->head, KV_POINTER, kv_offset(range->head.pointer));
	fault = kv_check_page(&range->head, page);
	if (fault)
		return fault;
	if (range->head.level > 0)
		return kv_descend_range(context, &range->head, page, range->low, &range->separator);
	return take_leaf(context, range, page);
}

LICENSE("GPL");
