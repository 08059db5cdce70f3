// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Point look-up in a BPF-KV store of keys of 1 to 512 bytes and pages of 4 KiB: from any page down to the leaf, then the value record. */
#include "kv.h"

#define PAGE_BYTES 4096
#define PAGE_HEADER 16
#define ENTRY_BYTES 20 /* head, pointer and tail of an entry */
#define SLOTS_MAX ((PAGE_BYTES - PAGE_HEADER) / ENTRY_BYTES)
#define KEY_BYTES_MAX 512
#define VALUE_BYTES_MAX 39936
#define SCRATCH_BYTES 65536

struct page {
	__u64 checksum;
	__u8 level;
	__u8 keys;
	__u16 count;
	__u16 slots;
	__u16 prefix;
	__u8 entries[PAGE_BYTES - PAGE_HEADER];
};

struct get {
	struct kv_head head;
	__u32 key_length;
	__u32 words; /* private */
	__u64 value_pointer;
	__u32 value_length;
	__u32 low, high, found; /* private: the search in a page */
	__u8 key[1024 - 160]; /* zeros behind it */
	__u64 page[6][PAGE_BYTES / 8];
	__u64 value[VALUE_BYTES_MAX / 8];
};

_Static_assert(sizeof(struct get) == SCRATCH_BYTES, "as docs/formats/bpf-kv.md has it");

/*
 * A number that bounds a loop is loaded anew behind it: at each way out of the loop the verifier knows another range for the old one, and
 * would walk what follows once for each.
 */
#define fresh(place) (*(volatile __typeof__(place) *)&(place))

static __always_inline __u8 page_byte(const struct page *page, __u32 offset)
{
	offset &= PAGE_BYTES - 1;
	fathom_opaque(offset);
	return ((const __u8 *)page)[offset];
}

static __always_inline __u64 page_word(const struct page *page, __u32 offset)
{
	offset &= PAGE_BYTES - 8;
	fathom_opaque(offset);
	return *(const __u64 *)((const __u8 *)page + offset);
}

static __always_inline __u64 head_of(const struct page *page, __u32 index)
{
	return page_word(page, PAGE_HEADER + 8 * index);
}

static __always_inline __u64 pointer_of(const struct page *page, __u32 index)
{
	return page_word(page, PAGE_HEADER + 8 * fresh(page->slots) + 8 * index);
}

/* Low half: where the tail starts in the page; high half: bytes of the suffix. */
static __always_inline __u32 tail_of(const struct page *page, __u32 index)
{
	__u32 offset = (PAGE_HEADER + 16 * fresh(page->slots) + 4 * index) & (PAGE_BYTES - 4);

	fathom_opaque(offset);
	return *(const __u32 *)((const __u8 *)page + offset);
}

static __always_inline __u8 key_byte(const struct get *get, __u32 index)
{
	index &= KEY_BYTES_MAX - 1;
	fathom_opaque(index);
	return get->key[index];
}

static __always_inline __u64 page_mix(__u64 seed, const struct page *page)
{
	const __u64 *words = (const __u64 *)page;
	__u64 h0 = seed + KV_PRIME, h1 = h0 + KV_PRIME, h2 = h1 + KV_PRIME, h3 = h2 + KV_PRIME;

#pragma clang loop unroll(disable)
	for (__u32 i = 1; i < PAGE_BYTES / 8 - 3; i += 4) {
		h0 = kv_round(h0, words[i]);
		h1 = kv_round(h1, words[i + 1]);
		h2 = kv_round(h2, words[i + 2]);
		h3 = kv_round(h3, words[i + 3]);
	}
	h0 = kv_round(h0, words[PAGE_BYTES / 8 - 3]);
	h1 = kv_round(h1, words[PAGE_BYTES / 8 - 2]);
	h2 = kv_round(h2, words[PAGE_BYTES / 8 - 1]);
	return kv_fold(PAGE_BYTES / 8 - 1, h0, h1, h2, h3);
}

/* 0, or what is wrong with the page. The order of keys with equal heads is the writer's: the checksum stands for it. */
static __always_inline int check_page(struct kv_head *head, const struct page *page)
{
	__u64 offset = kv_offset(head->pointer), before = 0, next;
	__u32 count = fresh(page->count);

	if (page->checksum != page_mix(offset, page))
		return kv_fail(head, KV_PAGE_CHECKSUM, offset);
	if (page->level != head->level || page->keys != 0)
		return kv_fail(head, KV_PAGE_LEVEL, offset);
	if (count < 1 || count > page->slots || PAGE_HEADER + ENTRY_BYTES * fresh(page->slots) + page->prefix > PAGE_BYTES)
		return kv_fail(head, KV_PAGE_COUNT, offset);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SLOTS_MAX; i++) {
		if (i >= count)
			break;
		next = head_of(page, i);
		if (next < before)
			return kv_fail(head, KV_PAGE_ORDER, offset);
		before = next;
	}
	return 0;
}

/* The key's suffix behind the prefix: its first 8 bytes as a big-endian number. */
static __always_inline __u64 suffix_head(const struct get *get, __u32 prefix)
{
	__u64 head = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < 8; i++)
		head = head << 8 | (prefix + i < fresh(get->key_length) ? key_byte(get, prefix + i) : 0);
	return head;
}

/* The key against entry index whose head equals the key's: negative, 0 or positive. */
static __always_inline int compare_beyond_head(const struct get *get, const struct page *page, __u32 index, __u32 prefix)
{
	__u32 tail = tail_of(page, index), theirs = tail >> 16, ours = fresh(get->key_length) - prefix;

#pragma clang loop unroll(disable)
	for (__u32 i = 8; i < KEY_BYTES_MAX; i++) {
		int order;

		if (i >= theirs || i >= ours)
			break;
		order = (int)key_byte(get, prefix + i) - page_byte(page, (tail & 0xFFFF) + i - 8);
		if (order)
			return order;
	}
	return (int)ours - (int)theirs;
}

/*
 * Entries whose keys are below the one looked for; get->found: the next one is the key itself. What the search knows goes through
 * scratch memory from turn to turn: the verifier then walks each turn once, not once for each way there.
 */
static __always_inline __u32 lower_bound(struct get *get, const struct page *page)
{
	volatile struct get *search = get;
	__u32 prefix = fresh(page->prefix), start = PAGE_HEADER + ENTRY_BYTES * fresh(page->slots);
	__u64 ours;

	search->found = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < KEY_BYTES_MAX; i++) {
		int order;

		if (i >= prefix)
			break;
		order = i < fresh(get->key_length) ? (int)key_byte(get, i) - page_byte(page, start + i) : -1;
		if (order)
			return order < 0 ? 0 : fresh(page->count);
	}
	prefix = fresh(page->prefix);
	ours = suffix_head(get, prefix);
	search->low = 0;
	search->high = fresh(page->count);
#pragma clang loop unroll(disable)
	for (__u32 turn = 0; turn < 8; turn++) {
		__u32 low = search->low, high = search->high, middle = (low + high) >> 1;
		__u64 theirs;
		int order;

		if (low >= high)
			break;
		theirs = head_of(page, middle);
		order = ours < theirs ? -1 : ours > theirs ? 1 : compare_beyond_head(get, page, middle, fresh(page->prefix));
		if (order > 0)
			search->low = middle + 1;
		else
			search->high = middle;
		if (order == 0)
			search->found = 1;
	}
	return search->low;
}

static __always_inline void hand_back(struct get *get, const struct page *page)
{
	__u32 index = get->head.pages;
	const __u64 *words = (const __u64 *)page;

	if (index >= get->head.hand_back || index >= 6)
		return;
	get->head.page_pointer[index] = get->head.pointer;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PAGE_BYTES / 8; i++)
		get->page[index][i] = words[i];
	get->head.pages = index + 1;
}

/* The seed of a record's checksum: the key's length and words. */
static __always_inline __u64 key_mix(const struct get *get)
{
	__u64 h[4];
	__u32 words = 0;

	h[0] = get->key_length + KV_PRIME;
	h[1] = h[0] + KV_PRIME;
	h[2] = h[1] + KV_PRIME;
	h[3] = h[2] + KV_PRIME;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < KEY_BYTES_MAX / 8; i += 4) {
#pragma clang loop unroll(full)
		for (__u32 lane = 0; lane < 4; lane++) {
			if ((i + lane) * 8 >= get->key_length)
				break;
			h[lane] = kv_round(h[lane], suffix_head(get, (i + lane) * 8));
			words++;
		}
		if ((i + 4) * 8 >= get->key_length)
			break;
	}
	return kv_fold(words, h[0], h[1], h[2], h[3]);
}

static __always_inline int take_record(struct fathom_context *context, struct get *get)
{
	__u64 extent = get->head.pointer, skip = kv_skip(context, extent), offset = kv_offset(extent);
	__u64 h[4], word, mix;
	const __u32 *record;
	const __u64 *next;
	__u32 length, words, i;

	if (skip > KV_READ_BYTES_MAX || skip + kv_length(extent) > context->size)
		return kv_fail(&get->head, KV_POINTER, offset);
	record = fathom_data(context, (__u32)skip, 8);
	if (!record)
		return kv_fail(&get->head, KV_POINTER, offset);
	length = record[1];
	if (length > VALUE_BYTES_MAX || 8 + ((length + 7) & ~7u) > kv_length(extent))
		return kv_fail(&get->head, KV_RECORD, offset);
	h[0] = key_mix(get) + length + KV_PRIME;
	h[1] = h[0] + KV_PRIME;
	h[2] = h[1] + KV_PRIME;
	h[3] = h[2] + KV_PRIME;
#pragma clang loop unroll(disable)
	for (i = 0; i < VALUE_BYTES_MAX / 32; i++) {
		if ((i + 1) * 32 > length)
			break;
		next = fathom_data(context, (__u32)skip + 8 + i * 32, 32);
		if (!next)
			return kv_fail(&get->head, KV_RECORD, offset);
#pragma clang loop unroll(full)
		for (__u32 lane = 0; lane < 4; lane++) {
			h[lane] = kv_round(h[lane], next[lane]);
			get->value[i * 4 + lane] = next[lane];
		}
	}
	/* Through memory, so that what follows is walked once and not for each number of words. */
	*(volatile __u32 *)&get->words = i * 4;
	words = *(volatile __u32 *)&get->words;
#pragma clang loop unroll(full)
	for (__u32 lane = 0; lane < 4; lane++) {
		if (words * 8 >= length || words >= VALUE_BYTES_MAX / 8)
			break;
		next = fathom_data(context, (__u32)skip + 8 + words * 8, 8);
		if (!next)
			return kv_fail(&get->head, KV_RECORD, offset);
		word = *next;
		/* What follows the value in its last word does not count. */
		if (length - words * 8 < 8)
			word &= ~0ULL >> (64 - (length & 7) * 8);
		h[lane] = kv_round(h[lane], word);
		get->value[words] = word;
		words++;
	}
	mix = kv_fold(words, h[0], h[1], h[2], h[3]);
	if (record[0] != (__u32)(mix ^ mix >> 32))
		return kv_fail(&get->head, KV_RECORD, offset);
	get->value_length = length;
	return kv_finish(context, &get->head, KV_FOUND);
}

static __always_inline int is_page(const struct kv_head *head, __u64 extent)
{
	__u64 offset = kv_offset(extent);

	return offset >= KV_DATA_OFFSET && kv_length(extent) == PAGE_BYTES && (offset & (PAGE_BYTES - 1)) == 0 && offset + PAGE_BYTES <= head->file_end;
}

STORAGE_FUNCTION int kv_get(struct fathom_context *context)
{
	struct get *get = fathom_scratch(context, 0, SCRATCH_BYTES);
	const struct page *page;
	__u64 extent, skip;
	__u32 below, found;
	int fault;

	if (!get || get->key_length < 1 || get->key_length > KEY_BYTES_MAX)
		return KV_REQUEST;
	if (get->head.level == KV_RECORD_LEVEL)
		return take_record(context, get);
	skip = kv_skip(context, get->head.pointer);
	if (skip > KV_READ_BYTES_MAX || kv_length(get->head.pointer) != PAGE_BYTES)
		return kv_fail(&get->head, KV_POINTER, kv_offset(get->head.pointer));
	page = fathom_data(context, (__u32)skip, PAGE_BYTES);
	if (!page)
		return kv_fail(&get->head, KV_POINTER, kv_offset(get->head.pointer));
	fault = check_page(&get->head, page);
	if (fault)
		return fault;
	hand_back(get, page);
	below = lower_bound(get, page);
	found = get->found;
	if (get->head.level > 0) {
		extent = pointer_of(page, found || below == 0 ? below : below - 1);
		if (!is_page(&get->head, extent))
			return kv_fail(&get->head, KV_POINTER, kv_offset(get->head.pointer));
		return kv_next(context, &get->head, extent, get->head.level - 1);
	}
	if (!found)
		return kv_finish(context, &get->head, KV_NOT_FOUND);
	extent = pointer_of(page, below);
	if (!kv_is_record(&get->head, extent))
		return kv_fail(&get->head, KV_POINTER, kv_offset(get->head.pointer));
	get->value_pointer = extent;
	if (kv_length(extent) > 8 + VALUE_BYTES_MAX)
		return kv_finish(context, &get->head, KV_LOCATION);
	return kv_next(context, &get->head, extent, KV_RECORD_LEVEL);
}

LICENSE("GPL");
