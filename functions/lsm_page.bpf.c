// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Look-up through the runs of a log-structured merge tree, newest first. A page holds a header and then cells of variable size, sorted by key:
 * { u16 key bytes, u16 value bytes, u32 0, key, value }, key and value zero-padded to 8 bytes. A key that is not there is looked for in the older run's
 * page that the header names. The pages that were walked are handed back by offset, so that the caller's cache can take them.
 */
#include "fathom_storage.h"

#define PAGE_BYTES 4096
#define MAGIC 0x4C534D50
#define CELLS_MAX 128
#define KEY_WORDS 4
#define VALUE_WORDS 32
#define PAGES_MAX 6

enum { FOUND = 1, NOT_FOUND = 2 };
enum { BAD_PAGE = -1, BAD_CELL = -2, BAD_REQUEST = -3 };

struct page_header {
	__u32 magic;
	__u32 cells;
	__u64 older; /* offset of the page of the next older run; 0 for none */
};

struct cell {
	__u16 key_bytes;
	__u16 value_bytes;
	__u32 reserved;
};

struct lookup {
	__u32 status;
	__u32 key_bytes;
	__u64 key[KEY_WORDS]; /* zero-padded */
	__u32 pages;
	__u32 value_bytes;
	__u64 page[PAGES_MAX];
	__u64 value[VALUE_WORDS];
};

static __always_inline __u32 padded(__u32 bytes)
{
	return (bytes + 7) & ~7u;
}

/* 1 when the cell has the key, 0 when not, or a fault. A subprogram of its own. */
static __attribute__((noinline)) int matches(struct fathom_context *context, struct lookup *lookup, __u32 at)
{
	if (!lookup)
		return BAD_REQUEST;
	for (__u32 i = 0; i < KEY_WORDS; i++) {
		const __u64 *word;

		if (i * 8 >= lookup->key_bytes)
			break;
		word = fathom_data(context, at + i * 8, 8);
		if (!word)
			return BAD_CELL;
		if (*word != lookup->key[i])
			return 0;
	}
	return 1;
}

static __attribute__((noinline)) int copy_value(struct fathom_context *context, struct lookup *lookup, __u32 at, __u32 bytes)
{
	if (!lookup || bytes > VALUE_WORDS * 8)
		return BAD_REQUEST;
	for (__u32 i = 0; i < VALUE_WORDS; i++) {
		const __u64 *word;

		if (i * 8 >= bytes)
			break;
		word = fathom_data(context, at + i * 8, 8);
		if (!word)
			return BAD_CELL;
		lookup->value[i] = *word;
	}
	lookup->value_bytes = bytes;
	lookup->status = FOUND;
	context->done = 1;
	return 0;
}

STORAGE_FUNCTION int lsm_page(struct fathom_context *context)
{
	struct lookup *lookup = fathom_scratch(context, 0, sizeof(*lookup));
	const struct page_header *header = fathom_data(context, 0, sizeof(*header));
	__u32 at = sizeof(*header), cells;

	if (!lookup || lookup->key_bytes == 0 || lookup->key_bytes > KEY_WORDS * 8)
		return BAD_REQUEST;
	if (!header || header->magic != MAGIC || header->cells > CELLS_MAX)
		return BAD_PAGE;
	if (lookup->pages < PAGES_MAX) {
		lookup->page[lookup->pages] = context->offset;
		lookup->pages++;
	}
	cells = header->cells;
	for (__u32 i = 0; i < CELLS_MAX; i++) {
		const struct cell *cell;

		if (i >= cells)
			break;
		cell = fathom_data(context, at, sizeof(*cell));
		if (!cell)
			return BAD_CELL;
		at += sizeof(*cell);
		if (cell->key_bytes == lookup->key_bytes) {
			int same = matches(context, lookup, at);

			if (same < 0)
				return same;
			if (same)
				return copy_value(context, lookup, at + padded(cell->key_bytes), cell->value_bytes);
		}
		at += padded(cell->key_bytes) + padded(cell->value_bytes);
	}
	if (header->older == 0) {
		lookup->status = NOT_FOUND;
		context->done = 1;
		return 0;
	}
	context->next_offset[0] = header->older;
	context->next_size[0] = PAGE_BYTES;
	return 0;
}

LICENSE("GPL");
