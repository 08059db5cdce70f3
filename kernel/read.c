// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks and bios. A block is memory of the kernel's own, so that a device may
 * write to it after its chain and its caller are gone.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/pagemap.h>

#include "xrp.h"

static struct bio_set fathom_pieces;

int fathom_reads_init(void)
{
	return bioset_init(&fathom_pieces, 64, 0, BIOSET_NEED_BVECS);
}

void fathom_reads_exit(void)
{
	bioset_exit(&fathom_pieces);
}

static u32 fathom_slot_capacity(const struct fathom_slot *slot)
{
	return slot->page ? PAGE_SIZE << slot->order : 0;
}

/* Sees to it that a slot's block holds size bytes. */
int fathom_slot_reserve(struct fathom_slot *slot, u32 size, gfp_t gfp)
{
	unsigned int order = get_order(size);
	struct page *page;

	if (size <= fathom_slot_capacity(slot))
		return 0;
	page = alloc_pages(gfp | __GFP_ACCOUNT | __GFP_NOWARN | __GFP_COMP, order);
	if (!page)
		return -ENOMEM;
	if (slot->page)
		__free_pages(slot->page, slot->order);
	slot->page = page;
	slot->order = order;
	return 0;
}

/* A free slot, best one that is large enough as it is. */
static struct fathom_slot *fathom_slot_choose(struct fathom_chain *chain, u32 size)
{
	unsigned long free = chain->slots_free;
	struct fathom_slot *slot = &chain->slot[__ffs(free)];
	unsigned int i;

	if (likely(size <= fathom_slot_capacity(slot)))
		return slot;
	for_each_set_bit(i, &free, FATHOM_READS_IN_FLIGHT) {
		if (size <= fathom_slot_capacity(&chain->slot[i]))
			return &chain->slot[i];
		if (!chain->slot[i].page)
			slot = &chain->slot[i];
	}
	return slot;
}

/* A piece of a read is over; after the last one the read is complete. */
static void fathom_piece_end(struct fathom_slot *slot, blk_status_t status)
{
	struct fathom_chain *chain = slot->chain;
	struct fathom_want *want;

	if (status)
		WRITE_ONCE(slot->error, blk_status_to_errno(status));
	if (!atomic_dec_and_test(&slot->pieces))
		return;
	want = fathom_want_at(chain, slot->sequence);
	want->error = READ_ONCE(slot->error);
	WRITE_ONCE(want->complete, true); /* ordered by the counting of events */
	fathom_chain_wake(chain, FATHOM_XRP_IRQ);
	fathom_chain_put(chain);
}

static void fathom_bio_end(struct bio *bio)
{
	struct fathom_slot *slot = bio->bi_private;

	fathom_piece_end(slot, bio->bi_status);
}

static void fathom_extra_bio_end(struct bio *bio)
{
	struct fathom_slot *slot = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_put(bio);
	fathom_piece_end(slot, status);
}

/*
 * A bio's cgroup goes when it ends, and the context here need not be the
 * caller's, so each takes it from the chain's own.
 */
static void fathom_bio_charge(struct fathom_chain *chain, struct bio *bio)
{
	bio->bi_ioprio = chain->account.bi_ioprio;
	bio_clone_blkg_association(bio, &chain->account);
}

/* Readies a slot's own bio. */
static struct bio *fathom_bio_prepare(struct fathom_chain *chain,
				      struct fathom_slot *slot, blk_opf_t opf)
{
	struct bio *bio = &slot->bio;

	bio_init(bio, NULL, &slot->vec, 1, opf);
	bio->bi_bdev = chain->pin->file->bdev;
	fathom_bio_charge(chain, bio);
	bio->bi_end_io = fathom_bio_end;
	bio->bi_private = slot;
	return bio;
}

/*
 * What is read is counted where the chain's caller takes the results, not as
 * that of whoever submits it.
 */
static void fathom_bio_submit(struct bio *bio, struct fathom_slot *slot,
			      sector_t sector, u32 offset, u32 length)
{
	bio->bi_iter.bi_sector = sector;
	__bio_add_page(bio, slot->page, length, offset);
	submit_bio_noacct(bio);
}

/* A bio for one of several pieces. May block. */
static struct bio *fathom_bio_extra(struct fathom_chain *chain, struct fathom_slot *slot)
{
	struct bio *bio;

	bio = bio_alloc_bioset(chain->pin->file->bdev, 1, REQ_OP_READ, GFP_NOIO, &fathom_pieces);
	fathom_bio_charge(chain, bio);
	bio->bi_end_io = fathom_extra_bio_end;
	bio->bi_private = slot;
	return bio;
}

static void fathom_slot_begin(struct fathom_chain *chain, struct fathom_slot *slot,
			      blk_opf_t opf)
{
	slot->was_nowait = opf & REQ_NOWAIT;
	slot->is_polled = opf & REQ_POLLED;
	slot->error = 0;
	atomic_set(&slot->pieces, 1);
	refcount_inc(&chain->refs);
}

/*
 * Gives a read that lies together to the device. Who polls must not wait for
 * room in its queue: it would wait for itself.
 */
static void fathom_slot_submit(struct fathom_chain *chain, struct fathom_slot *slot,
			       sector_t sector, u32 length, bool may_block)
{
	blk_opf_t opf = REQ_OP_READ;

	if (chain->polls)
		opf |= REQ_POLLED | REQ_NOWAIT;
	else if (!may_block)
		opf |= REQ_NOWAIT;
	fathom_slot_begin(chain, slot, opf);
	fathom_bio_submit(fathom_bio_prepare(chain, slot, opf), slot, sector, 0, length);
}

/* Gives a read to the device piece by piece, holes as zeros. May block. */
static void fathom_slot_submit_pieces(struct fathom_chain *chain, struct fathom_slot *slot,
				      const struct fathom_want *want, u32 length)
{
	struct fathom_file *file = chain->pin->file;
	u32 done = 0, piece;
	sector_t sector;

	fathom_slot_begin(chain, slot, REQ_OP_READ);
	while (done < length) {
		piece = min_t(u64, fathom_file_find(file, want->offset + done, &sector),
			      length - done);
		if (sector == FATHOM_NO_SECTOR) {
			memset(page_address(slot->page) + done, 0, piece);
		} else {
			atomic_inc(&slot->pieces);
			fathom_bio_submit(fathom_bio_extra(chain, slot), slot, sector, done,
					  piece);
		}
		done += piece;
	}
	fathom_piece_end(slot, BLK_STS_OK);
}

static u32 fathom_want_length(const struct fathom_file *file, const struct fathom_want *want)
{
	return round_up(want->expected, file->alignment);
}

/* Whether some of a read has no place. */
static bool fathom_has_hole(struct fathom_file *file, const struct fathom_want *want)
{
	u32 length = fathom_want_length(file, want), done = 0;
	sector_t sector;

	while (done < length) {
		done += min_t(u64, fathom_file_find(file, want->offset + done, &sector),
			      length - done);
		if (sector == FATHOM_NO_SECTOR)
			return true;
	}
	return false;
}

/* Whether a hole may have become data since the map was made. */
static bool fathom_hole_is_stale(const struct fathom_file *file, u64 offset, u32 length)
{
	unsigned int bits = file->inode->i_blkbits;

	return (READ_ONCE(file->stale_from) <= (offset + length - 1) >> bits &&
		READ_ONCE(file->stale_to) > offset >> bits) ||
	       filemap_range_has_writeback(file->inode->i_mapping, offset, offset + length - 1);
}

/**
 * fathom_read_issue - gives the next wanted read of a chain to the device
 * @chain: with a read that is not issued, a free slot, and its file entered
 * @may_block: whether memory and the device's queue are waited for
 *
 * Return: 0; -EAGAIN when it would block; -ESTALE when the map lacks the read's
 * blocks; -ENODATA when the read touches a hole and must not; -ENOMEM.
 */
int fathom_read_issue(struct fathom_chain *chain, bool may_block)
{
	struct fathom_want *want = fathom_want_at(chain, chain->issued);
	struct fathom_file *file = chain->pin->file;
	u32 length = fathom_want_length(file, want);
	struct fathom_slot *slot;
	bool lies_together;
	sector_t sector;

	lies_together = fathom_file_find(file, want->offset, &sector) >= length &&
			sector != FATHOM_NO_SECTOR;
	if (unlikely(!lies_together)) {
		if (!may_block)
			return -EAGAIN;
		if (fathom_has_hole(file, want)) {
			if (fathom_hole_is_stale(file, want->offset, want->expected))
				return -ESTALE;
			if (!(chain->pin->flags & FATHOM_XRP_ZEROS) || file->hides_holes)
				return -ENODATA;
		}
	}
	slot = fathom_slot_choose(chain, want->size);
	if (want->size > fathom_slot_capacity(slot)) {
		if (!may_block)
			return -EAGAIN;
		if (fathom_slot_reserve(slot, want->size, GFP_NOIO))
			return -ENOMEM;
	}
	slot->sequence = chain->issued;
	want->slot = slot - chain->slot;
	chain->slots_free &= ~BIT(want->slot);
	chain->issued++;
	if (likely(lies_together))
		fathom_slot_submit(chain, slot, sector, length, may_block);
	else
		fathom_slot_submit_pieces(chain, slot, want, length);
	return 0;
}

/**
 * fathom_reads_poll - looks once whether the device has completed a read
 * @chain: that nobody drives
 *
 * Return: whether the chain's next read is one to poll for.
 */
bool fathom_reads_poll(struct fathom_chain *chain)
{
	const struct fathom_want *want;
	struct fathom_slot *slot;
	u32 i;

	for (i = chain->head; i != chain->issued; i++) {
		want = fathom_want_at(chain, i);
		slot = &chain->slot[want->slot];
		if (READ_ONCE(want->complete) || !slot->is_polled)
			continue;
		bio_poll(&slot->bio, NULL, BLK_POLL_ONESHOT);
		return true;
	}
	return false;
}

/* Gives a read again that the device had no room for; waits for room. */
void fathom_read_again(struct fathom_chain *chain, struct fathom_want *want)
{
	struct fathom_file *file = chain->pin->file;

	want->complete = false;
	want->error = 0;
	fathom_slot_submit_pieces(chain, &chain->slot[want->slot], want,
				  fathom_want_length(file, want));
}

void fathom_slots_free(struct fathom_chain *chain)
{
	unsigned int i;

	for (i = 0; i < FATHOM_READS_IN_FLIGHT; i++)
		if (chain->slot[i].page)
			__free_pages(chain->slot[i].page, chain->slot[i].order);
}
