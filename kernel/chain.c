// SPDX-License-Identifier: GPL-2.0
/*
 * Chains of reads: the state machine, who drives it, and where.
 *
 * The rules are those of Fathom.Storage's engines in user space: the steps of
 * a chain run one after the other, over its reads in the order of asking; each
 * read is checked before it is asked for.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/ioprio.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "xrp.h"

/* Steps that one completion may run before others get their turn. */
#define FATHOM_STEPS_INLINE 16

/* How often chains that wait for a device are looked at. */
#define FATHOM_SWEEP_JIFFIES (HZ / 10)

/* The errno that stands for a status. */
static int fathom_status_code(enum fathom_xrp_status status)
{
	static const int codes[] = {
		[FATHOM_XRP_STALLED] = EPROTO,
		[FATHOM_XRP_HOP_LIMIT] = ELOOP,
		[FATHOM_XRP_BYTE_LIMIT] = EDQUOT,
		[FATHOM_XRP_DEADLINE] = ETIME,
		[FATHOM_XRP_CANCELLED] = ECANCELED,
		[FATHOM_XRP_OUT_OF_FILE] = ERANGE,
		[FATHOM_XRP_MISALIGNED] = EINVAL,
		[FATHOM_XRP_BAD_SIZE] = EMSGSIZE,
		[FATHOM_XRP_TOO_MANY_READS] = E2BIG,
		[FATHOM_XRP_HOLE] = ENODATA,
		[FATHOM_XRP_FILE_CHANGED] = ESTALE,
		[FATHOM_XRP_DETACHED] = ESHUTDOWN,
	};

	return status < ARRAY_SIZE(codes) ? codes[status] : 0;
}

static void fathom_chain_end(struct fathom_chain *chain, enum fathom_xrp_status status,
			     int code)
{
	if (chain->ended)
		return;
	chain->result.status = status;
	chain->result.code = code;
	rcu_read_lock(); /* the caller may go as soon as it sees this */
	smp_store_release(&chain->ended, true);
	chain->caller->end(chain);
	rcu_read_unlock();
}

static void fathom_chain_fail(struct fathom_chain *chain, enum fathom_xrp_status status)
{
	fathom_chain_end(chain, status, fathom_status_code(status));
}

/* Ends the chain and names the read that is to blame. */
static void fathom_chain_blame(struct fathom_chain *chain, enum fathom_xrp_status status,
			       int code, u64 offset, u32 size)
{
	chain->result.blame_offset = offset;
	chain->result.blame_size = size;
	fathom_chain_end(chain, status, code);
}

static void fathom_chain_ask(struct fathom_chain *chain, u64 offset, u32 size)
{
	u64 length = fathom_file_size(chain->pin->file);
	enum fathom_xrp_status refusal;
	struct fathom_want *want;

	if (size < FATHOM_XRP_READ_MIN || size > FATHOM_XRP_READ_MAX)
		refusal = FATHOM_XRP_BAD_SIZE;
	else if (offset >= length)
		refusal = FATHOM_XRP_OUT_OF_FILE;
	else if ((offset | size) & (chain->pin->file->alignment - 1))
		refusal = FATHOM_XRP_MISALIGNED;
	else if (!chain->reads_left)
		refusal = FATHOM_XRP_HOP_LIMIT;
	else if (size > chain->bytes_left)
		refusal = FATHOM_XRP_BYTE_LIMIT;
	else if (chain->tail - chain->head == FATHOM_READS_PENDING)
		refusal = FATHOM_XRP_TOO_MANY_READS;
	else
		refusal = FATHOM_XRP_DONE;
	if (unlikely(refusal != FATHOM_XRP_DONE)) {
		fathom_chain_blame(chain, refusal, fathom_status_code(refusal), offset, size);
		return;
	}
	chain->reads_left--;
	chain->bytes_left -= size;
	want = fathom_want_at(chain, chain->tail++);
	want->offset = offset;
	want->size = size;
	want->expected = min_t(u64, size, length - offset);
	want->complete = false;
	want->error = 0;
}

/* Runs the function; what it asks for is in the context. */
static int fathom_chain_call(struct fathom_chain *chain, const struct fathom_want *want,
			     int *code)
{
	struct fathom_context *context = &chain->context;
	const struct fathom_storage_ops *ops;

	memset(context, 0, sizeof(*context));
	context->offset = want->offset;
	context->size = want->expected;
	context->scratch_size = chain->scratch_size;
	context->hop = chain->result.hops++;
	context->reads_pending = chain->tail - chain->head;
	chain->data = page_address(chain->slot[want->slot].page);
	chain->data_size = want->expected;
	chain->result.bytes += want->expected;

	rcu_read_lock();
	ops = rcu_dereference(chain->function->ops);
	if (likely(ops))
		*code = ops->step(context);
	rcu_read_unlock();
	return ops ? 0 : -ESHUTDOWN;
}

/* Most steps ask for one read, the first. */
static bool fathom_asks_for_more(const struct fathom_context *context)
{
	const u64 *pairs = (const u64 *)context->next_size;

	return (pairs[1] | pairs[2] | pairs[3] | pairs[4] | pairs[5] | pairs[6] | pairs[7]) ||
	       context->next_size[1];
}

static void fathom_chain_ask_next(struct fathom_chain *chain)
{
	const struct fathom_context *context = &chain->context;
	int i, reads = fathom_asks_for_more(context) ? FATHOM_READS_MAX : 1;

	for (i = 0; i < reads && !chain->ended; i++)
		if (context->next_size[i])
			fathom_chain_ask(chain, context->next_offset[i],
					 context->next_size[i]);
	if (!chain->ended && chain->head == chain->tail)
		fathom_chain_fail(chain, FATHOM_XRP_STALLED);
}

/* What happened to the file since the chain began. */
static u32 fathom_chain_changes(const struct fathom_chain *chain)
{
	const struct fathom_file *file = chain->pin->file;
	u32 change = 0;

	if (fathom_file_size(file) < chain->length)
		change |= FATHOM_XRP_TRUNCATED;
	if (READ_ONCE(file->inode->i_nlink) < chain->links)
		change |= FATHOM_XRP_UNLINKED;
	if (READ_ONCE(file->version) != chain->version)
		change |= FATHOM_XRP_REMAPPED;
	return change;
}

/* Takes the next read that is complete to the function. */
static void fathom_chain_step(struct fathom_chain *chain, enum fathom_xrp_engine where)
{
	struct fathom_want *want = fathom_want_at(chain, chain->head);
	int code = 0;

	chain->head++;
	chain->result.change = fathom_chain_changes(chain);
	if (unlikely(chain->result.change)) {
		fathom_chain_blame(chain, FATHOM_XRP_FILE_CHANGED, ESTALE, want->offset,
				   want->size);
	} else if (unlikely(want->error)) {
		fathom_chain_blame(chain, FATHOM_XRP_READ_ERROR, -want->error, want->offset,
				   want->size);
	} else if (unlikely(fathom_chain_call(chain, want, &code))) {
		fathom_chain_fail(chain, FATHOM_XRP_DETACHED);
	} else {
		chain->result.ran |= 1u << where;
		chain->slots_free |= BIT(want->slot);
		if (code)
			fathom_chain_end(chain, FATHOM_XRP_FUNCTION_ERROR, code);
		else if (chain->context.done)
			fathom_chain_end(chain, FATHOM_XRP_DONE, 0);
		else
			fathom_chain_ask_next(chain);
	}
}

static bool fathom_chain_has_reads_in_flight(struct fathom_chain *chain)
{
	u32 i;

	for (i = chain->head; i != chain->issued; i++)
		if (!READ_ONCE(fathom_want_at(chain, i)->complete))
			return true;
	return false;
}

/*
 * Steps aside for whoever changes the file, and takes up the map that is good
 * then. A chain that reads blocks that moved ends at its next step.
 */
static int fathom_chain_enter_again(struct fathom_chain *chain)
{
	int err;

	chain->has_entered = false;
	fathom_file_leave(chain->pin->file);
	err = fathom_file_enter(chain->pin->file, true);
	chain->has_entered = !err;
	if (err)
		return err;
	chain->result.change = fathom_chain_changes(chain);
	return chain->result.change ? -ESTALE : 0;
}

enum fathom_progress {
	FATHOM_GOES_ON,
	FATHOM_WAITS,      /* for reads in flight */
	FATHOM_MUST_SLEEP, /* and may not, here */
};

static enum fathom_progress fathom_chain_issue(struct fathom_chain *chain, bool may_block)
{
	const struct fathom_want *want = fathom_want_at(chain, chain->issued);
	int err;

	err = fathom_file_is_wanted(chain->pin->file) ? -ESTALE :
							fathom_read_issue(chain, may_block);
	if (err == -ESTALE) {
		if (fathom_chain_has_reads_in_flight(chain))
			return FATHOM_WAITS;
		if (!may_block)
			return FATHOM_MUST_SLEEP;
		err = fathom_chain_enter_again(chain) ?: fathom_read_issue(chain, true);
	}
	switch (err) {
	case 0:
		return FATHOM_GOES_ON;
	case -EAGAIN:
		if (!may_block)
			return FATHOM_MUST_SLEEP;
		fallthrough;
	case -ESTALE:
		if (!chain->result.change)
			chain->result.change = FATHOM_XRP_REMAPPED;
		fathom_chain_blame(chain, FATHOM_XRP_FILE_CHANGED, ESTALE, want->offset,
				   want->size);
		break;
	case -ENODATA:
		fathom_chain_blame(chain, FATHOM_XRP_HOLE, ENODATA, want->offset, want->size);
		break;
	case -EINTR:
		fathom_chain_fail(chain, FATHOM_XRP_CANCELLED);
		break;
	default:
		fathom_chain_blame(chain, FATHOM_XRP_READ_ERROR, -err, want->offset,
				   want->size);
	}
	return FATHOM_GOES_ON;
}

/* Whether a device said that it had no room, or that it cannot say so. */
static bool fathom_was_put_off(const struct fathom_chain *chain,
			       const struct fathom_want *want)
{
	return chain->slot[want->slot].was_nowait &&
	       (want->error == -EAGAIN || want->error == -EOPNOTSUPP);
}

/* Goes on for as long as there is something to do. */
static enum fathom_progress fathom_chain_drive(struct fathom_chain *chain,
					       enum fathom_xrp_engine where)
{
	bool may_block = where != FATHOM_XRP_IRQ;
	enum fathom_progress progress;
	struct fathom_want *want;
	int steps = 0;

	while (!chain->ended) {
		if (unlikely(READ_ONCE(chain->abort))) {
			fathom_chain_fail(chain, chain->abort);
		} else if (unlikely(time_after(jiffies, chain->deadline))) {
			fathom_chain_fail(chain, FATHOM_XRP_DEADLINE);
		} else if (chain->head != chain->issued &&
			   READ_ONCE(fathom_want_at(chain, chain->head)->complete)) {
			want = fathom_want_at(chain, chain->head);
			if (!may_block && ++steps > FATHOM_STEPS_INLINE)
				return FATHOM_MUST_SLEEP;
			if (unlikely(want->error && fathom_was_put_off(chain, want))) {
				if (!may_block)
					return FATHOM_MUST_SLEEP;
				fathom_read_again(chain, want);
				continue;
			}
			fathom_chain_step(chain, where);
			if (where == FATHOM_XRP_TASK && fatal_signal_pending(current))
				fathom_chain_fail(chain, FATHOM_XRP_CANCELLED);
			if (may_block)
				cond_resched();
		} else if (chain->issued != chain->tail &&
			   chain->issued - chain->head < FATHOM_READS_IN_FLIGHT) {
			progress = fathom_chain_issue(chain, may_block);
			if (progress != FATHOM_GOES_ON)
				return progress;
		} else {
			return FATHOM_WAITS;
		}
	}
	return FATHOM_WAITS;
}

/*
 * Whoever waits to change the file must not have to wait for a caller that is
 * slow to take its results, so an ended chain lets go as soon as it can.
 */
static void fathom_chain_let_go(struct fathom_chain *chain)
{
	if (!chain->has_entered || fathom_chain_has_reads_in_flight(chain))
		return;
	chain->has_entered = false;
	fathom_file_leave(chain->pin->file);
}

/**
 * fathom_chain_run - drives a chain on behalf of whoever raised its events
 * @chain: driven by the caller, who holds a reference
 * @where: TASK and WORKER may sleep, IRQ may not
 */
void fathom_chain_run(struct fathom_chain *chain, enum fathom_xrp_engine where)
{
	int seen;

	do {
		seen = atomic_read_acquire(&chain->events);
		if (fathom_chain_drive(chain, where) == FATHOM_MUST_SLEEP) {
			if (chain->engine == FATHOM_XRP_IRQ)
				fathom_chain_queue(chain);
			else
				chain->caller->hand_over(chain);
			return;
		}
		if (chain->ended)
			fathom_chain_let_go(chain);
	} while (atomic_sub_return(seen, &chain->events));
}

static void fathom_chain_work(struct work_struct *work)
{
	struct fathom_chain *chain = container_of(work, struct fathom_chain, work);

	fathom_chain_run(chain, FATHOM_XRP_WORKER);
	fathom_chain_put(chain);
}

/* Hands the driving to a worker. */
void fathom_chain_queue(struct fathom_chain *chain)
{
	refcount_inc(&chain->refs);
	queue_work(fathom_steps, &chain->work);
}

/*
 * Whether steps may run, and reads be given to the device, in the context of a
 * completion. A task that holds a lock, a plug or a list of bios is not ours to
 * submit from; in an interrupt, stock drivers take their locks plainly. Reads
 * that are polled for go on with who polls, whoever finds them complete.
 */
static bool fathom_may_run_here(const struct fathom_chain *chain)
{
	return (chain->engine == FATHOM_XRP_AUTO || chain->engine == FATHOM_XRP_IRQ) &&
	       !chain->polls && in_task() && preemptible() && !current->bio_list && !current->plug &&
	       bdev_nowait(chain->pin->file->bdev);
}

/* Something happened to a chain. Any context; the caller holds a reference. */
void fathom_chain_wake(struct fathom_chain *chain, enum fathom_xrp_engine where)
{
	if (atomic_inc_return(&chain->events) != 1)
		return;
	if (where != FATHOM_XRP_IRQ || READ_ONCE(chain->ended) || fathom_may_run_here(chain))
		fathom_chain_run(chain, where);
	else if (chain->engine == FATHOM_XRP_IRQ || chain->engine == FATHOM_XRP_WORKER)
		fathom_chain_queue(chain);
	else
		chain->caller->hand_over(chain);
}

/* Lets a chain end at once; what is in flight is left to the device. */
void fathom_chain_abort(struct fathom_chain *chain, enum fathom_xrp_status status,
			enum fathom_xrp_engine where)
{
	cmpxchg(&chain->abort, 0, status);
	fathom_chain_wake(chain, where);
}

/* Whether a waiter may poll for the chain's reads: the device has queues for that. */
bool fathom_chain_may_poll(const struct fathom_chain *chain)
{
	struct block_device *bdev = chain->pin->file->bdev;

	return (chain->engine == FATHOM_XRP_AUTO || chain->engine == FATHOM_XRP_TASK) &&
	       (bdev_get_queue(bdev)->limits.features & BLK_FEAT_POLL) && bdev_nowait(bdev);
}

static void fathom_chain_reap(struct work_struct *work)
{
	struct fathom_chain *chain = container_of(work, struct fathom_chain, reap);

	while (fathom_reads_poll(chain))
		usleep_range(100, 1000);
	fathom_chain_put(chain);
}

/* The waiter of an ended chain goes; what it polled for needs somebody else. */
void fathom_chain_leave(struct fathom_chain *chain)
{
	if (!chain->polls || !fathom_chain_has_reads_in_flight(chain))
		return;
	refcount_inc(&chain->refs);
	queue_work(fathom_releases, &chain->reap);
}

/* Chains and sessions. */

static void fathom_chain_free(struct fathom_chain *chain)
{
	fathom_slots_free(chain);
	kvfree(chain->scratch);
	kvfree(chain);
}

static struct fathom_chain *fathom_chain_alloc(struct fathom_session *session)
{
	struct fathom_chain *chain;
	int i;

	chain = kvzalloc(sizeof(*chain), GFP_KERNEL_ACCOUNT);
	if (!chain)
		return NULL;
	chain->session = session;
	chain->deadline = jiffies + MAX_JIFFY_OFFSET;
	INIT_WORK(&chain->work, fathom_chain_work);
	INIT_WORK(&chain->reap, fathom_chain_reap);
	for (i = 0; i < FATHOM_READS_IN_FLIGHT; i++)
		chain->slot[i].chain = chain;
	chain->scratch_capacity = PAGE_SIZE;
	chain->scratch = kvmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!chain->scratch ||
	    fathom_slot_reserve(&chain->slot[0], PAGE_SIZE, GFP_KERNEL)) {
		fathom_chain_free(chain);
		return NULL;
	}
	return chain;
}

static void fathom_session_release(struct work_struct *work)
{
	struct fathom_session *session = container_of(work, struct fathom_session, release);
	struct fathom_chain *chain, *next;

	list_for_each_entry_safe(chain, next, &session->idle, node)
		fathom_chain_free(chain);
	kfree(session);
	fathom_live_put();
}

/* Any context. */
void fathom_session_put(struct fathom_session *session)
{
	if (refcount_dec_and_test(&session->refs))
		queue_work(fathom_releases, &session->release);
}

/*
 * A chain of the session whose time is over, with a reference, or NULL. What is
 * at rest, or not begun, has all the time there is.
 */
static struct fathom_chain *fathom_session_overdue(struct fathom_session *session)
{
	struct fathom_chain *chain, *found = NULL;

	spin_lock_irq(&session->lock);
	list_for_each_entry(chain, &session->active, node) {
		if (time_after(jiffies, READ_ONCE(chain->deadline)) &&
		    !READ_ONCE(chain->abort) && refcount_inc_not_zero(&chain->refs)) {
			found = chain;
			break;
		}
	}
	spin_unlock_irq(&session->lock);
	return found;
}

/*
 * Each chain looks at the time before each step; what is swept up here are
 * those that get no answer. A timer for each would cost more than they do.
 */
static void fathom_session_sweep(struct work_struct *work)
{
	struct fathom_session *session =
		container_of(to_delayed_work(work), struct fathom_session, sweep);
	struct fathom_chain *chain;

	while ((chain = fathom_session_overdue(session))) {
		fathom_chain_abort(chain, FATHOM_XRP_DEADLINE, FATHOM_XRP_WORKER);
		fathom_chain_put(chain);
	}
	if (list_empty_careful(&session->active) ||
	    !queue_delayed_work(fathom_releases, &session->sweep, FATHOM_SWEEP_JIFFIES))
		fathom_session_put(session);
}

/* Ends the chain of a request; -ENOENT when there is none, any more. */
int fathom_session_cancel(struct fathom_session *session, const void __user *argument)
{
	struct fathom_chain *chain, *found = NULL;

	spin_lock_irq(&session->lock);
	list_for_each_entry(chain, &session->active, node) {
		if (chain->request == argument && refcount_inc_not_zero(&chain->refs)) {
			found = chain;
			break;
		}
	}
	spin_unlock_irq(&session->lock);
	if (!found)
		return -ENOENT;
	fathom_chain_abort(found, FATHOM_XRP_CANCELLED, FATHOM_XRP_WORKER);
	fathom_chain_put(found);
	return 0;
}

/* Sees to it that the session's chains are looked at. */
static void fathom_session_watch(struct fathom_session *session)
{
	if (delayed_work_pending(&session->sweep))
		return;
	refcount_inc(&session->refs);
	if (!queue_delayed_work(fathom_releases, &session->sweep, FATHOM_SWEEP_JIFFIES))
		fathom_session_put(session);
}

struct fathom_session *fathom_session_create(void)
{
	struct fathom_session *session;
	struct fathom_chain *chain;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return NULL;
	chain = fathom_chain_alloc(session);
	if (!chain) {
		kfree(session);
		return NULL;
	}
	refcount_set(&session->refs, 1);
	INIT_WORK(&session->release, fathom_session_release);
	xa_init_flags(&session->pins, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	spin_lock_init(&session->lock);
	INIT_LIST_HEAD(&session->idle);
	INIT_LIST_HEAD(&session->active);
	INIT_DELAYED_WORK(&session->sweep, fathom_session_sweep);
	list_add(&chain->node, &session->idle);
	session->chains = 1;
	fathom_live_get();
	return session;
}

/* A chain at rest, or a new one; without references until it begins. */
static struct fathom_chain *fathom_session_take(struct fathom_session *session)
{
	struct fathom_chain *chain;
	bool has_room = false;

	spin_lock_irq(&session->lock);
	chain = list_first_entry_or_null(&session->idle, struct fathom_chain, node);
	if (chain) {
		list_move(&chain->node, &session->active);
	} else if (session->chains < READ_ONCE(fathom_chains_max)) {
		session->chains++;
		has_room = true;
	}
	spin_unlock_irq(&session->lock);
	if (chain)
		return chain;
	if (!has_room)
		return ERR_PTR(-EBUSY);
	chain = fathom_chain_alloc(session);
	spin_lock_irq(&session->lock);
	if (chain)
		list_add(&chain->node, &session->active);
	else
		session->chains--;
	spin_unlock_irq(&session->lock);
	return chain ?: ERR_PTR(-ENOMEM);
}

static void fathom_session_give_back(struct fathom_session *session, struct fathom_chain *chain)
{
	unsigned long flags;

	spin_lock_irqsave(&session->lock, flags);
	chain->deadline = jiffies + MAX_JIFFY_OFFSET;
	chain->request = NULL;
	list_move(&chain->node, &session->idle);
	spin_unlock_irqrestore(&session->lock, flags);
}

/* The last reference is gone: nothing is in flight. Any context. */
static void fathom_chain_rest(struct fathom_chain *chain)
{
	struct fathom_session *session = chain->session;

	bio_uninit(&chain->account);
	fathom_function_put(chain->function);
	fathom_pin_put(chain->pin);
	fathom_session_give_back(session, chain);
	fathom_session_put(session);
}

void fathom_chain_put(struct fathom_chain *chain)
{
	if (refcount_dec_and_test(&chain->refs))
		fathom_chain_rest(chain);
}

static int fathom_chain_take_scratch(struct fathom_chain *chain,
				     const struct fathom_xrp_read *request)
{
	void *larger;

	if (request->scratch_size > chain->scratch_capacity) {
		larger = kvmalloc(request->scratch_size, GFP_KERNEL_ACCOUNT);
		if (!larger)
			return -ENOMEM;
		kvfree(chain->scratch);
		chain->scratch = larger;
		chain->scratch_capacity = request->scratch_size;
	}
	chain->scratch_size = request->scratch_size;
	if (copy_from_user(chain->scratch, u64_to_user_ptr(request->scratch),
			   request->scratch_size))
		return -EFAULT;
	return 0;
}

static struct fathom_pin *fathom_session_pin(struct fathom_session *session, u32 name)
{
	struct fathom_pin *pin;

	xa_lock(&session->pins);
	pin = xa_load(&session->pins, name);
	if (pin)
		refcount_inc(&pin->refs);
	xa_unlock(&session->pins);
	return pin;
}

static u64 fathom_limit(u64 wanted, u64 most)
{
	return wanted ? min(wanted, most) : most;
}

static void fathom_chain_begin(struct fathom_chain *chain, const struct fathom_xrp_read *request)
{
	struct fathom_file *file = chain->pin->file;

	bio_init(&chain->account, file->bdev, NULL, 0, REQ_OP_READ);
	chain->account.bi_ioprio = get_current_ioprio();
	atomic_set(&chain->events, 1);
	chain->abort = 0;
	chain->ended = false;
	chain->handed = false;
	chain->polls = false;
	chain->head = 0;
	chain->issued = 0;
	chain->tail = 0;
	chain->slots_free = BIT(FATHOM_READS_IN_FLIGHT) - 1;
	chain->engine = request->engine;
	chain->reads_left = fathom_limit(request->reads_max, READ_ONCE(fathom_reads_max));
	chain->bytes_left = fathom_limit(request->bytes_max, READ_ONCE(fathom_bytes_max));
	chain->deadline = jiffies + msecs_to_jiffies(fathom_limit(request->deadline_ms,
								  READ_ONCE(fathom_deadline_ms)));
	chain->version = READ_ONCE(file->version);
	chain->length = fathom_file_size(file);
	chain->links = READ_ONCE(file->inode->i_nlink);
	chain->result = *request;
	chain->result.status = FATHOM_XRP_DONE;
	chain->result.code = 0;
	chain->result.hops = 0;
	chain->result.change = 0;
	chain->result.bytes = 0;
	chain->result.blame_offset = 0;
	chain->result.blame_size = 0;
	chain->result.ran = 0;
	/* From here on it may be swept up. */
	refcount_set_release(&chain->refs, 1);
	fathom_session_watch(chain->session);
}

/**
 * fathom_chain_create - readies a chain
 * @session: whose chain
 * @device: by which it was asked for
 * @argument: the request
 * @may_block: whether writers and the file system may be waited for
 *
 * Return: the chain, driven by and with a reference of the caller, who sets
 * what is the caller's in it and starts it; or an error: -EINVAL, -EMSGSIZE too
 * much scratch, -EFAULT, -EBADF no such pin, -ENOENT no such function, -EACCES
 * not the caller's function, -EBUSY too many chains, -EAGAIN it would block.
 */
struct fathom_chain *fathom_chain_create(struct fathom_session *session,
					 const struct file *device,
					 struct fathom_xrp_read __user *argument,
					 bool may_block)
{
	struct fathom_xrp_read request;
	struct fathom_function *function;
	struct fathom_chain *chain;
	struct fathom_pin *pin;
	int err;

	if (copy_from_user(&request, argument, sizeof(request)))
		return ERR_PTR(-EFAULT);
	if (request.engine > FATHOM_XRP_WORKER)
		return ERR_PTR(-EINVAL);
	if (request.scratch_size > FATHOM_XRP_SCRATCH_MAX)
		return ERR_PTR(-EMSGSIZE);
	pin = fathom_session_pin(session, request.file);
	if (!pin)
		return ERR_PTR(-EBADF);
	function = fathom_function_get(request.function, device);
	if (IS_ERR(function)) {
		err = PTR_ERR(function);
		goto put_pin;
	}
	chain = fathom_session_take(session);
	if (IS_ERR(chain)) {
		err = PTR_ERR(chain);
		goto put_function;
	}
	err = fathom_chain_take_scratch(chain, &request);
	if (err)
		goto give_back;
	err = fathom_file_enter(pin->file, may_block);
	if (err)
		goto give_back;
	chain->has_entered = true;
	chain->pin = pin;
	chain->function = function;
	refcount_inc(&session->refs);
	chain->request = argument;
	fathom_chain_begin(chain, &request);
	return chain;

give_back:
	fathom_session_give_back(session, chain);
put_function:
	fathom_function_put(function);
put_pin:
	fathom_pin_put(pin);
	return ERR_PTR(err);
}

/* Asks for the first read and drives the chain as far as it goes at once. */
void fathom_chain_start(struct fathom_chain *chain)
{
	fathom_chain_ask(chain, chain->result.offset, chain->result.size);
	fathom_chain_run(chain, FATHOM_XRP_TASK);
}
