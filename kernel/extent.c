// SPDX-License-Identifier: GPL-2.0
/*
 * Maps of a file's blocks to the device's: found by halving, built from what
 * the file system itself says, never from what a caller says.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "xrp.h"

/* The extent that holds a block, or the first one behind it, or NULL. */
const struct fathom_extent *fathom_extents_at(const struct fathom_extents *map,
					      u32 block)
{
	const struct fathom_extent *at;
	u32 left, half;

	if (!map || !map->count)
		return NULL;
	/* The last one that does not begin behind the block, or the first of all. */
	at = map->extent;
	for (left = map->count; left > 1; left -= half) {
		half = left / 2;
		if (at[half].block <= block)
			at += half;
	}
	if (block > at->block + (at->count - 1))
		at++;
	return at < map->extent + map->count ? at : NULL;
}

static struct fathom_extents *fathom_extents_alloc(u32 capacity)
{
	struct fathom_extents *map;

	map = kvmalloc(struct_size(map, extent, capacity), GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	map->count = 0;
	map->capacity = capacity;
	return map;
}

static int fathom_extents_grow(struct fathom_extents **map)
{
	struct fathom_extents *old = *map, *larger;

	if (old->capacity >= FATHOM_EXTENTS_MAX)
		return -EFBIG;
	larger = fathom_extents_alloc(old->capacity * 2);
	if (!larger)
		return -ENOMEM;
	larger->count = old->count;
	memcpy(larger->extent, old->extent, old->count * sizeof(old->extent[0]));
	kvfree(old);
	*map = larger;
	return 0;
}

/* Adds blocks behind the last ones. */
static int fathom_extents_add(struct fathom_extents **map, u32 block, u32 count,
			      u64 place)
{
	struct fathom_extents *to = *map;
	struct fathom_extent *last;
	int err;

	last = to->count ? &to->extent[to->count - 1] : NULL;
	if (last && last->block + last->count == block &&
	    last->place + last->count == place &&
	    last->count <= U32_MAX - count) {
		last->count += count;
		return 0;
	}
	if (to->count == to->capacity) {
		err = fathom_extents_grow(map);
		if (err)
			return err;
		to = *map;
	}
	to->extent[to->count++] = (struct fathom_extent){
		.block = block, .count = count, .place = place,
	};
	return 0;
}

/* Takes over what an earlier map says of the blocks [from, to). */
static int fathom_extents_copy(struct fathom_extents **map,
			       const struct fathom_extents *old, u64 from,
			       u64 to)
{
	const struct fathom_extent *at;
	int err;

	if (from >= to)
		return 0;
	at = fathom_extents_at(old, from);
	for (; at && at < old->extent + old->count && at->block < to; at++) {
		u64 start = max_t(u64, from, at->block);
		u64 end = min_t(u64, to, (u64)at->block + at->count);

		err = fathom_extents_add(map, start, end - start,
					 at->place + (start - at->block));
		if (err)
			return err;
	}
	return 0;
}

/* Asks the file system for the blocks [from, to). */
static int fathom_extents_scan(struct fathom_extents **map, struct inode *inode,
			       u64 from, u64 to)
{
	sector_t place;
	u64 block;
	int err;

	for (block = from; block < to; block++) {
		if (block % 1024 == 0) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		place = block;
		err = bmap(inode, &place);
		if (!err && place)
			err = fathom_extents_add(map, block, 1, place);
		if (err)
			return err;
	}
	return 0;
}

/*
 * bmap() says 0 for a hole and for an error alike; looking for data before
 * tells errors, and passes holes by.
 */
static int fathom_extents_scan_data(struct fathom_extents **map,
				    struct file *file, u64 from, u64 to)
{
	struct inode *inode = file_inode(file);
	unsigned int bits = inode->i_blkbits;
	loff_t data, hole;
	u64 end;
	int err;

	while (from < to) {
		data = vfs_llseek(file, from << bits, SEEK_DATA);
		if (data == -ENXIO)
			return 0;
		if (data < 0)
			return data;
		hole = vfs_llseek(file, data, SEEK_HOLE);
		if (hole == -ENXIO)
			return 0;
		if (hole < 0)
			return hole;
		end = DIV_ROUND_UP_ULL(hole, 1ull << bits);
		err = fathom_extents_scan(map, inode, data >> bits, min(to, end));
		if (err)
			return err;
		from = max(from + 1, end);
	}
	return 0;
}

/* Whether blocks of [from, to) that had a place have the same one now. */
static bool fathom_extents_kept(const struct fathom_extents *old,
				const struct fathom_extents *new, u64 from,
				u64 to)
{
	const struct fathom_extent *was = fathom_extents_at(old, from), *is;
	u64 block, end;

	for (; was && was < old->extent + old->count && was->block < to; was++) {
		block = max_t(u64, from, was->block);
		end = min_t(u64, to, (u64)was->block + was->count);
		while (block < end) {
			is = fathom_extents_at(new, block);
			if (!is || is->block > block ||
			    is->place + (block - is->block) !=
				    was->place + (block - was->block))
				return false;
			block = (u64)is->block + is->count;
		}
	}
	return true;
}

/**
 * fathom_extents_renew - makes a map whose blocks [from, to) are asked for anew
 * @old: the map before, or NULL
 * @file: the file, written back
 * @from: first block that may have moved
 * @to: behind the last one
 * @moved: set when a block that had a place has another one, or none
 *
 * May sleep for long, and ends early for fatal signals.
 * Return: the map, or an error: -EFBIG for files in too many pieces.
 */
struct fathom_extents *fathom_extents_renew(const struct fathom_extents *old,
					    struct file *file, u64 from, u64 to,
					    bool *moved)
{
	struct inode *inode = file_inode(file);
	struct fathom_extents *map;
	u64 blocks;
	int err;

	blocks = DIV_ROUND_UP_ULL(i_size_read(inode), i_blocksize(inode));
	if (blocks > U32_MAX)
		return ERR_PTR(-EFBIG);
	from = min(from, blocks);
	to = min(to, blocks);
	map = fathom_extents_alloc(roundup_pow_of_two((old ? old->count : 0) + 16));
	if (!map)
		return ERR_PTR(-ENOMEM);
	err = fathom_extents_copy(&map, old, 0, from) ?:
	      fathom_extents_scan_data(&map, file, from, to) ?:
	      fathom_extents_copy(&map, old, to, blocks);
	if (err) {
		kvfree(map);
		return ERR_PTR(err);
	}
	*moved = !fathom_extents_kept(old, map, from, to);
	return map;
}
