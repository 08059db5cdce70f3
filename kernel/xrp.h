/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the module share. Each part has its own file:
 * function.c (the BPF type), file.c and extent.c (pins and where data lies),
 * guard.c (what moves it), chain.c (the state machine), read.c (bios),
 * device.c and uring.c (callers), main.c (loading).
 */
#ifndef FATHOM_XRP_INTERNAL_H
#define FATHOM_XRP_INTERNAL_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "fathom_storage.h"
#include "fathom_xrp.h"

#define FATHOM_READS_IN_FLIGHT 16
#define FATHOM_READS_PENDING 256

struct fathom_chain;

/* main.c: module parameters and what unloading waits for. */

extern unsigned int fathom_chains_max;
extern unsigned int fathom_reads_max;
extern unsigned int fathom_deadline_ms;
extern unsigned long fathom_bytes_max;
extern struct workqueue_struct *fathom_steps;
extern struct workqueue_struct *fathom_releases;

void fathom_live_get(void);
void fathom_live_put(void);

/* function.c */

/* The BPF type: what a loader registers. */
struct fathom_storage_ops {
	int (*step)(struct fathom_context *context);
	__u64 id;
	__u32 flags;
	struct fathom_function *function; /* the module's own */
};

/*
 * A loaded function. Named by an id; lives as long as a chain refers to it,
 * but steps run only while ops is set.
 */
struct fathom_function {
	struct hlist_node node;
	struct rcu_head rcu;
	refcount_t refs;
	u64 id;
	u32 flags;
	kuid_t uid;
	const struct fathom_storage_ops __rcu *ops;
};

int fathom_function_init(void);
struct fathom_function *fathom_function_get(u64 id, const struct file *device);
void fathom_function_put(struct fathom_function *function);

/* extent.c: where the data of a file lies. */

struct fathom_extent {
	u32 block;  /* of the file */
	u32 count;
	u64 place;  /* block of the device */
};

/* Sorted by block; replaced as a whole under RCU, never written. */
struct fathom_extents {
	struct rcu_head rcu;
	u32 count;
	u32 capacity;
	struct fathom_extent extent[] __counted_by(capacity);
};

#define FATHOM_EXTENTS_MAX 1048576u

const struct fathom_extent *fathom_extents_at(const struct fathom_extents *map,
					      u32 block);
struct fathom_extents *fathom_extents_renew(const struct fathom_extents *old,
					    struct file *file, u64 from, u64 to,
					    bool *moved);

/* file.c */

/*
 * A file that is pinned, by its inode: shared by all who pin it. stale_lock
 * guards the range of blocks that may have moved since extents were renewed.
 */
struct fathom_file {
	struct hlist_node node;
	struct rcu_head rcu;
	struct work_struct release;
	refcount_t refs;
	struct file *file;         /* a description of our own */
	struct inode *inode;       /* that has the pages and the size */
	struct block_device *bdev;
	const struct address_space_operations *pages; /* as when it was pinned */
	bool is_device;
	bool is_guarded;           /* guard.c sees its blocks move */
	bool hides_holes;          /* what has no block need not be a hole */
	u32 alignment;
	struct mutex map_lock;     /* serialises the renewing of extents */
	struct fathom_extents __rcu *extents;
	u64 version;               /* moves when blocks that held data moved */
	spinlock_t stale_lock;
	u64 stale_from;
	u64 stale_to;
};

/* A file within one session. */
struct fathom_pin {
	refcount_t refs;
	struct work_struct release;
	struct fathom_file *file;
	struct file *sealed;       /* whose writers are kept out, or NULL */
	u32 flags;
};

#define FATHOM_NO_SECTOR (~(sector_t)0)

struct fathom_pin *fathom_pin_create(struct fathom_xrp_pin *request);
void fathom_pin_put(struct fathom_pin *pin);
void fathom_file_spoil(struct fathom_file *file, u64 from, u64 to);
void fathom_files_spoil(const struct inode *inode, u64 from, u64 to);
int fathom_file_enter(struct fathom_file *file, bool may_block);
void fathom_file_leave(struct fathom_file *file);
u64 fathom_file_find(struct fathom_file *file, u64 offset, sector_t *sector);

static inline u64 fathom_file_size(const struct fathom_file *file)
{
	return i_size_read(file->inode);
}

/* Whether the map may lack blocks that were given to the file. */
static inline bool fathom_file_is_stale(const struct fathom_file *file)
{
	return READ_ONCE(file->stale_from) < READ_ONCE(file->stale_to);
}

static inline bool fathom_file_is_dirty(const struct fathom_file *file)
{
	struct address_space *mapping = file->inode->i_mapping;

	return mapping->nrpages &&
	       (mapping_tagged(mapping, PAGECACHE_TAG_DIRTY) ||
		mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK));
}

/* Whether somebody changes the file, or waits until nobody reads it. */
static inline bool fathom_file_is_wanted(struct fathom_file *file)
{
	struct inode *inode = file->inode;

	if (file->is_device || likely(!rwsem_is_locked(&inode->i_rwsem)))
		return false;
	if (!inode_trylock_shared(inode))
		return true;
	inode_unlock_shared(inode);
	return false;
}

/* guard.c */

int fathom_guard_get(void);
void fathom_guard_put(void);

/* chain.c */

/* Who uses the device: an open file of it. */
struct fathom_session {
	refcount_t refs;
	struct work_struct release;
	struct delayed_work sweep; /* ends chains whose time is over */
	struct xarray pins;
	spinlock_t lock;           /* guards the lists and chains */
	struct list_head idle;     /* chains at rest */
	struct list_head active;
	unsigned int chains;       /* of both lists */
};

/* A read that is wanted, in flight, or done. */
struct fathom_want {
	u64 offset;
	u32 size;
	u32 expected;              /* less than size where the file ends */
	s16 slot;
	bool complete;
	int error;
};

/* A block and the bio that fills it. */
struct fathom_slot {
	struct bio bio;
	struct bio_vec vec;
	struct fathom_chain *chain;
	struct page *page;
	unsigned int order;
	bool was_nowait;
	bool is_polled;            /* completes only when somebody polls for it */
	atomic_t pieces;
	int error;
	u32 sequence;
};

/* Who waits for a chain. */
struct fathom_caller {
	void (*hand_over)(struct fathom_chain *chain);
	void (*end)(struct fathom_chain *chain);
};

/*
 * One chain. Whoever raises events from 0 drives it and nobody else touches
 * it until events are 0 again; what is handed over stays driven. Completions
 * only set their want and raise events. Each bio and worker has a reference;
 * so has the caller.
 */
struct fathom_chain {
	struct fathom_context context;
	const void *data;
	void *scratch;
	u32 data_size;
	u32 scratch_size;

	refcount_t refs;
	atomic_t events;
	int abort;                 /* set by anybody: the status to end with */
	bool ended;
	bool handed;

	u32 head;                  /* wants by number modulo their count: */
	u32 issued;                /* [head, issued) are in flight or complete, */
	u32 tail;                  /* [issued, tail) are not issued */
	u16 slots_free;
	struct bio account;        /* never submitted: has the caller's cgroup and priority */
	bool has_entered;
	bool polls;                /* its waiter does, for its reads */
	u32 engine;
	u32 reads_left;
	u64 bytes_left;
	unsigned long deadline;
	u64 version;
	u64 length;
	unsigned int links;
	struct fathom_xrp_read result;

	struct fathom_session *session;
	struct fathom_pin *pin;
	struct fathom_function *function;
	const struct fathom_caller *caller;
	struct task_struct *waiter;
	void *command;             /* of io_uring */
	void __user *request;
	struct work_struct work;
	struct work_struct reap;
	struct list_head node;     /* of its session's list */
	u32 scratch_capacity;

	struct fathom_want want[FATHOM_READS_PENDING];
	struct fathom_slot slot[FATHOM_READS_IN_FLIGHT];
};

static inline struct fathom_want *fathom_want_at(struct fathom_chain *chain,
						 u32 sequence)
{
	return &chain->want[sequence % FATHOM_READS_PENDING];
}

struct fathom_session *fathom_session_create(void);
void fathom_session_put(struct fathom_session *session);
struct fathom_chain *fathom_chain_create(struct fathom_session *session,
					 const struct file *device,
					 struct fathom_xrp_read __user *argument,
					 bool may_block);
int fathom_session_cancel(struct fathom_session *session, const void __user *argument);
void fathom_chain_start(struct fathom_chain *chain);
void fathom_chain_put(struct fathom_chain *chain);
void fathom_chain_run(struct fathom_chain *chain, enum fathom_xrp_engine where);
void fathom_chain_wake(struct fathom_chain *chain, enum fathom_xrp_engine where);
void fathom_chain_abort(struct fathom_chain *chain,
			enum fathom_xrp_status status,
			enum fathom_xrp_engine where);
void fathom_chain_queue(struct fathom_chain *chain);
bool fathom_chain_may_poll(const struct fathom_chain *chain);
void fathom_chain_leave(struct fathom_chain *chain);

/* read.c */

int fathom_reads_init(void);
void fathom_reads_exit(void);
int fathom_slot_reserve(struct fathom_slot *slot, u32 size, gfp_t gfp);
int fathom_read_issue(struct fathom_chain *chain, bool may_block);
bool fathom_reads_poll(struct fathom_chain *chain);
void fathom_read_again(struct fathom_chain *chain, struct fathom_want *want);
void fathom_slots_free(struct fathom_chain *chain);

/* device.c and uring.c */

int fathom_device_init(void);
void fathom_device_exit(void);
int fathom_uring_cmd(struct io_uring_cmd *command, unsigned int issue_flags);
int fathom_read_finish(struct fathom_chain *chain);

#endif
