// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Longest stored prefix of a chain of keys in a block log (docs/formats/block-log.md). A page of the index holds runs of entries: a block and, one
 * after the other, its descendants. A run that is as long as runs get goes on in the page that its next key names; as the caller knows all keys,
 * up to 16 of those pages are read at once. Each matched key is replaced, in the scratch memory, by the place of its block.
 */
#include "fathom_storage.h"

#define PRIME 0x9E3779B185EBCA87ULL
#define PAGE_BYTES 16384
#define ENTRIES 511
#define HEAD_BYTES 80
#define KEY_BYTES 16
#define RUN_MAX 255
#define TURNS_MAX 4

/* Of an entry's length. */
#define STARTS 0x80000000u /* begins a run */
#define FORKS 0x40000000u  /* a child stands elsewhere than behind it */
#define HOLE 0x20000000u   /* the block is gone, its place in the chain is kept */
#define FIRST 0x10000000u  /* in a result only: the first that its page gave */

enum walk_fault { BAD_PAGE = -1, SHORT_READ = -2, BAD_REQUEST = -3 };

struct walk {
	__u64 seed;         /* of the pages' checksums */
	__u64 index_offset; /* of page 0 in the file */
	__u64 fault_offset; /* of a page that is damaged */
	__u32 pages;
	__u32 run_max;
	__u32 keys;     /* that follow this head */
	__u32 matched;  /* of these */
	__u32 run;      /* blocks of the current run up to here */
	__u32 resumes;  /* 1: key 0 was matched before, and the walk goes on behind it */
	__u32 last;     /* length and flags of the entry that was matched last */
	__u32 wave;     /* reads asked for at once and not seen yet */
	__u32 expected; /* key that the next page of the wave begins with */
	__u32 skip;     /* reads on their way that nobody waits for any more */
	__u32 cursor;   /* entry of the page that is looked at next */
	__u32 here;     /* 1: the page is read once more, and holds the block before the next key's */
	__u32 reserved[2];
};

struct key {
	__u64 low, high;
};

struct entry {
	__u64 low, high;
	__u32 unit, length, checksum, generation;
};

struct page {
	__u64 checksum;
	__u32 number, count;
	__u64 reserved[2];
	struct entry entry[ENTRIES];
};

static __always_inline __u64 mix(__u64 h, __u64 word)
{
	h = (h ^ word) * PRIME;
	return h << 29 | h >> 35;
}

/* The checksum of a page: all its words but the first, in four lanes. */
static __always_inline __u64 page_mix(__u64 seed, const __u64 *words)
{
	__u64 h0 = seed + PRIME, h1 = h0 + PRIME, h2 = h1 + PRIME, h3 = h2 + PRIME, x;

#pragma clang loop unroll(disable)
	for (int i = 1; i < 2045; i += 4) {
		h0 = mix(h0, words[i]);
		h1 = mix(h1, words[i + 1]);
		h2 = mix(h2, words[i + 2]);
		h3 = mix(h3, words[i + 3]);
	}
	h0 = mix(h0, words[2045]);
	h1 = mix(h1, words[2046]);
	h2 = mix(h2, words[2047]);
	x = mix(mix(mix(mix(2047, h0), h1), h2), h3);
	x ^= x >> 32;
	x *= PRIME;
	return x ^ x >> 29;
}

static __always_inline __u64 page_offset(const struct walk *walk, __u64 key_low)
{
	__u64 number = ((key_low * PRIME) >> 32) * walk->pages >> 32;

	return walk->index_offset + number * PAGE_BYTES;
}

static __always_inline int finish(struct fathom_context *context)
{
	context->done = 1;
	return 0;
}

static __always_inline struct key *key_at(struct fathom_context *context, __u64 index)
{
	return fathom_scratch(context, HEAD_BYTES + (__u32)index * KEY_BYTES, KEY_BYTES);
}

/* Asks for the pages that the next keys name: of all the runs that follow, when each is as long as runs get, or of one. */
static __always_inline int ask(struct fathom_context *context, struct walk *walk)
{
	__u32 full = walk->run >= walk->run_max, asked = 0;

	/* The page that the run goes on in is the next of the wave. */
	if (full && walk->wave > 0 && walk->matched == walk->expected)
		return 0;
	walk->skip += walk->wave;
	walk->expected = walk->matched;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < FATHOM_READS_MAX; i++) {
		__u64 index = (__u64)walk->matched + (__u64)i * walk->run_max;
		const struct key *key;

		if ((i > 0 && !full) || index >= walk->keys)
			break;
		key = key_at(context, index);
		if (!key)
			return BAD_REQUEST;
		context->next_offset[i] = page_offset(walk, key->low);
		context->next_size[i] = PAGE_BYTES;
		asked++;
	}
	walk->wave = asked;
	return 0;
}

/*
 * The entry that begins a run with a key, counted from 1; 0 when there is none, or the key stands more than once. Without a branch: a verifier follows
 * one way through the page. Behind the last entry a page is zero.
 */
static __always_inline __u32 find(const struct walk *walk, const struct page *page, const struct key *key)
{
	__u64 low = key->low, high = key->high, anywhere = walk->resumes, found = 0;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < ENTRIES; i++) {
		const struct entry *entry = &page->entry[i];
		__u64 differs = (entry->low ^ low) | (entry->high ^ high), fits;

		fits = ~(differs | -differs) >> 63 & (entry->length >> 31 | anywhere);
		fathom_opaque(fits);
		found += -fits & (i + 1);
	}
	return (__u32)found;
}

/* Takes the blocks of a run from the cursor on, as far as the keys go the same way. */
static __always_inline int follow(struct fathom_context *context, struct walk *walk, const struct page *page, __u32 before)
{
	__u32 stops = HOLE;

	/* All that a turn changes goes through scratch memory, so that a verifier sees each turn begin alike. */
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < RUN_MAX; i++) {
		__u32 cursor = *(volatile __u32 *)&walk->cursor, matched = *(volatile __u32 *)&walk->matched, length;
		const struct entry *entry;
		struct key *key;
		__u32 *place;
		__u64 differs;

		if (matched >= walk->keys)
			break;
		key = key_at(context, matched);
		if (!key)
			return BAD_REQUEST;
		fathom_opaque(cursor);
		if (cursor >= ENTRIES)
			break;
		entry = &page->entry[cursor];
		length = entry->length;
		differs = (entry->low ^ key->low) | (entry->high ^ key->high) | (length & stops);
		if (differs)
			break;
		place = (__u32 *)key;
		place[0] = entry->unit;
		place[1] = length | (__u32)(~((__u64)(matched ^ before) | -(__u64)(matched ^ before)) >> 63 << 28);
		place[2] = entry->checksum;
		place[3] = entry->generation;
		walk->last = length;
		walk->run++;
		walk->matched = matched + 1;
		walk->cursor = cursor + 1;
		stops = HOLE | STARTS;
	}
	return 0;
}

STORAGE_FUNCTION int prefix_walk(struct fathom_context *context)
{
	struct walk *walk = fathom_scratch(context, 0, HEAD_BYTES);
	const struct page *page;
	__u32 before, here;

	if (!walk)
		return BAD_REQUEST;
	if (walk->skip > 0) {
		walk->skip--;
		return 0;
	}
	if (walk->wave == 0)
		return BAD_REQUEST;
	walk->wave--;
	walk->expected += walk->run_max;
	page = fathom_data(context, 0, PAGE_BYTES);
	if (!page)
		return SHORT_READ;
	if (page->checksum != page_mix(walk->seed ^ context->offset, (const __u64 *)page)) {
		walk->fault_offset = context->offset;
		return BAD_PAGE;
	}
	before = walk->matched;
	here = walk->here;
	walk->here = 0;
	for (__u32 turn = 0; turn < TURNS_MAX; turn++) {
		__u32 begun = walk->matched, place;
		struct key *key;
		int fault;

		if (begun >= walk->keys)
			return finish(context);
		key = key_at(context, begun);
		if (!key)
			return BAD_REQUEST;
		place = find(walk, page, key);
		if (place == 0)
			return begun == before && !here ? finish(context) : ask(context, walk);
		if (!walk->resumes)
			walk->run = 0;
		walk->cursor = place - 1;
		walk->resumes = 0;
		fault = follow(context, walk, page, before);
		if (fault)
			return fault;
		if (walk->matched == begun || walk->matched >= walk->keys || !(walk->last & FORKS))
			return finish(context);
		/* Children of the last block of a full run never stand in its page. */
		if (walk->run >= walk->run_max)
			return ask(context, walk);
	}
	/* The page may hold more of the way than one step goes: once more from here. */
	walk->here = 1;
	walk->skip += walk->wave;
	walk->wave = 1;
	walk->expected = walk->matched;
	context->next_offset[0] = context->offset;
	context->next_size[0] = PAGE_BYTES;
	return 0;
}

LICENSE("GPL");
