// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* COUNT, SUM, MIN and MAX over a range of a BPF-KV store of 8-byte keys: leaf after leaf, each found again from the root. */
#include "kv_records.h"

struct kv_aggregate {
	struct kv_head head;
	__u64 low;
	__u64 high;
	__u64 count;
	__u64 sum_low;
	__u64 sum_high;
	__s64 min;
	__s64 max;
	__u64 next_key;
	__u32 more;
	__u32 hops_max;
	__u64 root;
	__u32 root_level;
	__u32 reserved;
	struct kv_separator separator;
	__u64 reserved2[2];
	struct kv_records records;
	__u64 reserved3[414];
};

static __always_inline void add(struct kv_aggregate *aggregate, __s64 value)
{
	__u64 low = aggregate->sum_low + (__u64)value;

	aggregate->sum_high += (__u64)(value >> 63) + (low < (__u64)value);
	aggregate->sum_low = low;
	aggregate->count++;
	if (value < aggregate->min)
		aggregate->min = value;
	if (value > aggregate->max)
		aggregate->max = value;
}

static __always_inline int leave_leaf(struct fathom_context *context, struct kv_aggregate *aggregate)
{
	if (!aggregate->more)
		return kv_finish(context, &aggregate->head, KV_FOUND);
	if (context->hop >= aggregate->hops_max)
		return kv_finish(context, &aggregate->head, KV_SUSPENDED);
	aggregate->low = aggregate->next_key;
	aggregate->more = 0;
	aggregate->separator.exists = 0;
	return kv_next(context, &aggregate->head, aggregate->root, aggregate->root_level);
}

static __always_inline int take_records(struct fathom_context *context, struct kv_aggregate *aggregate)
{
	__u64 value[8];

	for (__u32 i = 0; i < KV_ENTRIES; i++) {
		__u64 extent = aggregate->records.pointer[i];
		int length;

		if (i >= aggregate->records.count)
			break;
		if ((aggregate->records.seen & 1u << i) || !kv_holds(context, extent))
			continue;
		length = kv_read_record(context, extent, aggregate->records.key[i], value);
		if (length >= 0 && length < 8)
			length = KV_SHORT_VALUE;
		if (length < 0)
			return kv_fail(&aggregate->head, length, kv_offset(extent));
		aggregate->records.seen |= 1u << i;
		add(aggregate, (__s64)value[0]);
	}
	if (context->reads_pending > 0 || kv_ask(context, &aggregate->head, &aggregate->records))
		return 0;
	if (aggregate->records.seen != (__u32)((1ULL << (aggregate->records.count & 63)) - 1))
		return KV_REQUEST;
	return leave_leaf(context, aggregate);
}

static __always_inline int take_leaf(struct fathom_context *context, struct kv_aggregate *aggregate, const struct kv_page *page)
{
	int after;

	if (aggregate->low > aggregate->high)
		return KV_REQUEST;
	after = kv_gather(&aggregate->head, page, aggregate->low, aggregate->high, KV_ENTRIES, &aggregate->records);
	if (after < 0)
		return after;
	aggregate->next_key = aggregate->separator.key;
	aggregate->more = after >= page->count && aggregate->separator.exists && aggregate->separator.key <= aggregate->high;
	aggregate->head.level = KV_RECORD_LEVEL;
	return kv_ask(context, &aggregate->head, &aggregate->records) ? 0 : leave_leaf(context, aggregate);
}

STORAGE_FUNCTION int kv_aggregate_u64(struct fathom_context *context)
{
	struct kv_aggregate *aggregate = fathom_scratch(context, 0, KV_SCRATCH_BYTES);
	const struct kv_page *page;
	int fault;

	if (!aggregate)
		return KV_REQUEST;
	if (aggregate->head.level == KV_RECORD_LEVEL)
		return take_records(context, aggregate);
	page = kv_find_page(context, &aggregate->head);
	if (!page)
		return kv_fail(&aggregate->head, KV_POINTER, kv_offset(aggregate->head.pointer));
	fault = kv_check_page(&aggregate->head, page);
	if (fault)
		return fault;
	if (aggregate->head.level > 0)
		return kv_descend_range(context, &aggregate->head, page, aggregate->low, &aggregate->separator);
	return take_leaf(context, aggregate, page);
}

LICENSE("GPL");
