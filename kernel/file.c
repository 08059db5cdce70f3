// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are pinned: what may be pinned by whom, and the lock by which a
 * chain keeps a file's blocks where they are.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "xrp.h"

#define FATHOM_ENTER_TRIES 16

static DEFINE_HASHTABLE(files, 8); /* read under RCU: by probes too */
static DEFINE_MUTEX(files_lock);   /* guards the table's writers and first references */

/* Marks the blocks [from, to) as moved. Any context. */
void fathom_file_spoil(struct fathom_file *file, u64 from, u64 to)
{
	unsigned long flags;

	spin_lock_irqsave(&file->stale_lock, flags);
	WRITE_ONCE(file->stale_from, min(file->stale_from, from));
	WRITE_ONCE(file->stale_to, max(file->stale_to, to));
	spin_unlock_irqrestore(&file->stale_lock, flags);
}

void fathom_files_spoil(const struct inode *inode, u64 from, u64 to)
{
	struct fathom_file *file;

	rcu_read_lock();
	hash_for_each_possible_rcu(files, file, node, (unsigned long)inode)
		if (file->inode == inode)
			fathom_file_spoil(file, from, to);
	rcu_read_unlock();
}

static void fathom_file_take_stale(struct fathom_file *file, u64 *from, u64 *to)
{
	unsigned long flags;

	spin_lock_irqsave(&file->stale_lock, flags);
	*from = file->stale_from;
	*to = file->stale_to;
	WRITE_ONCE(file->stale_from, U64_MAX);
	WRITE_ONCE(file->stale_to, 0);
	spin_unlock_irqrestore(&file->stale_lock, flags);
}

/*
 * Renews what is stale of the map. What the file system looks up for it may
 * itself look like a change, so one more round is usual.
 */
static int fathom_file_renew(struct fathom_file *file)
{
	struct fathom_extents *old, *map;
	bool moved;
	u64 from, to;
	int err;

	err = mutex_lock_killable(&file->map_lock);
	if (err)
		return err;
	while (fathom_file_is_stale(file)) {
		fathom_file_take_stale(file, &from, &to);
		old = rcu_dereference_protected(file->extents,
						lockdep_is_held(&file->map_lock));
		map = fathom_extents_renew(old, file->file, from, to, &moved);
		if (IS_ERR(map)) {
			fathom_file_spoil(file, from, to);
			err = PTR_ERR(map);
			break;
		}
		rcu_assign_pointer(file->extents, map);
		if (moved)
			WRITE_ONCE(file->version, file->version + 1);
		if (old)
			kvfree_rcu(old, rcu);
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
	}
	mutex_unlock(&file->map_lock);
	return err;
}

/**
 * fathom_file_enter - keeps the blocks of a file where they are
 * @file: the file
 * @may_block: whether to wait for writers and for the file system
 *
 * Writes back what is dirty and renews the map, as far as needed.
 * Return: 0, then fathom_file_leave() is owed; -EAGAIN when it would block, or
 * when the file changes too fast; another error.
 */
int fathom_file_enter(struct fathom_file *file, bool may_block)
{
	struct inode *inode = file->inode;
	int tries, err;

	for (tries = 0; tries < FATHOM_ENTER_TRIES; tries++) {
		if (unlikely(fathom_file_is_dirty(file) ||
			     fathom_file_is_stale(file))) {
			if (!may_block)
				return -EAGAIN;
			err = filemap_write_and_wait(inode->i_mapping);
			if (!err && !file->is_device)
				err = fathom_file_renew(file);
			if (err)
				return err;
		}
		if (file->is_device)
			return 0;
		if (!inode_trylock_shared(inode)) {
			if (!may_block)
				return -EAGAIN;
			err = down_read_killable(&inode->i_rwsem);
			if (err)
				return err;
		}
		/* What came later than the pin; journalled data shows by its pages. */
		err = inode->i_flags & (S_VERITY | S_ENCRYPTED | S_DAX) ||
		      inode->i_mapping->a_ops != file->pages ? -EOPNOTSUPP : 0;
		if (!err)
			inode_dio_begin(inode);
		inode_unlock_shared(inode);
		if (err)
			return err;
		if (likely(!fathom_file_is_stale(file)))
			return 0;
		inode_dio_end(inode);
	}
	return -EAGAIN;
}

/* Any context. */
void fathom_file_leave(struct fathom_file *file)
{
	if (!file->is_device)
		inode_dio_end(file->inode);
}

/**
 * fathom_file_find - where an offset lies on the device
 * @file: entered
 * @offset: within the file
 * @sector: out: where; FATHOM_NO_SECTOR in a hole
 *
 * Return: bytes from the offset on of which the same is true, place by place.
 */
u64 fathom_file_find(struct fathom_file *file, u64 offset, sector_t *sector)
{
	unsigned int bits = file->inode->i_blkbits;
	u64 block = offset >> bits, inside = offset & ((1ull << bits) - 1);
	const struct fathom_extents *map;
	const struct fathom_extent *at;
	u64 bytes;

	if (file->is_device) {
		*sector = offset >> SECTOR_SHIFT;
		return U64_MAX - offset;
	}
	rcu_read_lock();
	map = rcu_dereference(file->extents);
	at = block > U32_MAX ? NULL : fathom_extents_at(map, block);
	if (at && at->block <= block) {
		*sector = ((at->place + (block - at->block)) << (bits - SECTOR_SHIFT)) +
			  (inside >> SECTOR_SHIFT);
		bytes = (((u64)at->block + at->count) << bits) - offset;
	} else {
		*sector = FATHOM_NO_SECTOR;
		bytes = (at ? (u64)at->block << bits : U64_MAX) - offset;
	}
	rcu_read_unlock();
	return bytes;
}

static void fathom_file_release(struct work_struct *work)
{
	struct fathom_file *file = container_of(work, struct fathom_file, release);

	if (file->is_guarded)
		fathom_guard_put();
	fput(file->file);
	kvfree(rcu_access_pointer(file->extents));
	kfree_rcu(file, rcu);
	fathom_live_put();
}

static void fathom_file_put(struct fathom_file *file)
{
	if (!refcount_dec_and_mutex_lock(&file->refs, &files_lock))
		return;
	hash_del_rcu(&file->node);
	mutex_unlock(&files_lock);
	synchronize_rcu();
	queue_work(fathom_releases, &file->release);
}

/* Whether the file system says that its files are read around the page cache. */
static int fathom_check_direct(struct file *file)
{
	struct kstat stat;
	int err;

	err = vfs_getattr(&file->f_path, &stat, STATX_DIOALIGN, 0);
	if (err)
		return err;
	/* Inline, encrypted, verified and journalled data have no alignment. */
	if (!(stat.result_mask & STATX_DIOALIGN) || !stat.dio_offset_align)
		return -EOPNOTSUPP;
	return 0;
}

/* Fills in what the file is; refuses what cannot be read from its device. */
static int fathom_file_examine(struct fathom_file *file)
{
	struct inode *inode = file_inode(file->file);
	const char *type;

	if (S_ISBLK(inode->i_mode)) {
		file->is_device = true;
		file->inode = file->file->f_mapping->host;
		file->bdev = I_BDEV(file->inode);
		return 0;
	}
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	if (IS_SWAPFILE(inode))
		return -ETXTBSY;
	/* Others move blocks behind everybody's back, or have more devices. */
	type = inode->i_sb->s_type->name;
	file->is_guarded = !strcmp(type, "ext4");
	file->hides_holes = !file->is_guarded;
	if (!file->is_guarded && strcmp(type, "xfs"))
		return -EOPNOTSUPP;
	file->inode = inode;
	file->pages = inode->i_mapping->a_ops;
	file->bdev = inode->i_sb->s_bdev;
	if (!file->bdev || IS_ENCRYPTED(inode) || IS_VERITY(inode) || IS_DAX(inode))
		return -EOPNOTSUPP;
	return fathom_check_direct(file->file);
}

static struct fathom_file *fathom_file_create(struct file *from)
{
	struct fathom_file *file;
	int err;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return ERR_PTR(-ENOMEM);
	refcount_set(&file->refs, 1);
	mutex_init(&file->map_lock);
	spin_lock_init(&file->stale_lock);
	INIT_WORK(&file->release, fathom_file_release);
	file->stale_to = U64_MAX;
	file->file = dentry_open(&from->f_path, O_RDONLY | O_LARGEFILE, current_cred());
	if (IS_ERR(file->file)) {
		err = PTR_ERR(file->file);
		goto free;
	}
	err = fathom_file_examine(file);
	if (err)
		goto close;
	if (file->is_device)
		file->stale_to = 0;
	file->alignment = max_t(u32, bdev_logical_block_size(file->bdev),
				FATHOM_XRP_READ_MIN);
	if (file->is_guarded && fathom_guard_get())
		file->is_guarded = false;
	fathom_live_get();
	return file;

close:
	fput(file->file);
free:
	kfree(file);
	return ERR_PTR(err);
}

/* The file behind a description, pinned before or now. */
static struct fathom_file *fathom_file_get(struct file *from)
{
	struct inode *inode = S_ISBLK(file_inode(from)->i_mode) ?
				      from->f_mapping->host : file_inode(from);
	struct fathom_file *file;

	mutex_lock(&files_lock);
	hash_for_each_possible(files, file, node, (unsigned long)inode) {
		if (file->inode == inode) {
			refcount_inc(&file->refs);
			goto unlock;
		}
	}
	file = fathom_file_create(from);
	if (!IS_ERR(file))
		hash_add_rcu(files, &file->node, (unsigned long)inode);
unlock:
	mutex_unlock(&files_lock);
	return file;
}

static void fathom_pin_release(struct work_struct *work)
{
	struct fathom_pin *pin = container_of(work, struct fathom_pin, release);

	if (pin->sealed) {
		allow_write_access(pin->sealed);
		fput(pin->sealed);
	}
	fathom_file_put(pin->file);
	kfree(pin);
	fathom_live_put();
}

/* Any context. */
void fathom_pin_put(struct fathom_pin *pin)
{
	if (refcount_dec_and_test(&pin->refs))
		queue_work(fathom_releases, &pin->release);
}

/* Keeping writers out is for those who could write themselves. */
static int fathom_pin_seal(struct fathom_pin *pin, struct file *from)
{
	struct inode *inode = file_inode(from);
	struct mnt_idmap *idmap = file_mnt_idmap(from);
	int err;

	if (pin->file->is_device)
		return -EINVAL;
	if (!inode_owner_or_capable(idmap, inode) &&
	    inode_permission(idmap, inode, MAY_WRITE))
		return -EACCES;
	err = deny_write_access(from);
	if (err)
		return err;
	pin->sealed = get_file(from);
	return 0;
}

static int fathom_pin_fill(struct fathom_pin *pin, struct file *from,
			   struct fathom_xrp_pin *request)
{
	struct fathom_file *file = pin->file;
	const struct fathom_extents *map;
	int err = 0;

	if (request->flags & FATHOM_XRP_SEAL)
		err = fathom_pin_seal(pin, from);
	else if (!file->is_device && !file->is_guarded)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	err = fathom_file_enter(file, true);
	if (err)
		return err;
	rcu_read_lock();
	map = rcu_dereference(file->extents);
	request->extents = map ? map->count : 1;
	rcu_read_unlock();
	request->size = fathom_file_size(file);
	request->alignment = file->alignment;
	fathom_file_leave(file);
	return 0;
}

/**
 * fathom_pin_create - pins the file behind a descriptor of the caller's
 * @request: what is wanted; its answers are filled in but for the name
 *
 * Return: the pin, or an error: -EBADF no descriptor that reads, -EOPNOTSUPP
 * the file cannot be read from its device, -ETXTBSY it has writers and is to be
 * sealed, -EACCES it may not be sealed by the caller, -EFBIG too many pieces.
 */
struct fathom_pin *fathom_pin_create(struct fathom_xrp_pin *request)
{
	struct fathom_pin *pin;
	struct file *from;
	loff_t start = 0;
	int err;

	if ((request->flags & ~(FATHOM_XRP_ZEROS | FATHOM_XRP_SEAL)) || request->reserved)
		return ERR_PTR(-EINVAL);
	from = fget(request->fd);
	if (!from)
		return ERR_PTR(-EBADF);
	err = from->f_mode & FMODE_READ ? rw_verify_area(READ, from, &start, 1) : -EBADF;
	if (err < 0)
		goto put_from;
	err = -ENOMEM;
	pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	if (!pin)
		goto put_from;
	refcount_set(&pin->refs, 1);
	INIT_WORK(&pin->release, fathom_pin_release);
	pin->flags = request->flags;
	pin->file = fathom_file_get(from);
	if (IS_ERR(pin->file)) {
		err = PTR_ERR(pin->file);
		kfree(pin);
		goto put_from;
	}
	fathom_live_get();
	err = fathom_pin_fill(pin, from, request);
	if (err)
		fathom_pin_put(pin);
put_from:
	fput(from);
	return err < 0 ? ERR_PTR(err) : pin;
}
