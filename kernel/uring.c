// SPDX-License-Identifier: GPL-2.0
/*
 * Chains as entries of io_uring. Steps that cannot run where a read completes
 * run in a worker, never in the task that submitted the entry: that one may be
 * waiting for the chain to let go of its file. It only takes the results.
 */
#include <linux/io_uring/cmd.h>
#include <linux/uaccess.h>

#include "xrp.h"

/* What the entry has for us while its chain runs. */
struct fathom_entry {
	struct fathom_chain *chain;
};

static struct fathom_chain *fathom_entry_chain(struct io_uring_cmd *command)
{
	return io_uring_cmd_to_pdu(command, struct fathom_entry)->chain;
}

/* The task of a ring that closes may be gone, and its memory with it. */
static void fathom_entry_finish(struct io_uring_cmd *command, unsigned int issue_flags)
{
	struct fathom_chain *chain = fathom_entry_chain(command);
	int err = issue_flags & IO_URING_F_TASK_DEAD ? -ECANCELED : fathom_read_finish(chain);

	io_uring_cmd_done(command, err, 0, issue_flags);
	fathom_chain_put(chain);
}

static void fathom_entry_end(struct fathom_chain *chain)
{
	io_uring_cmd_complete_in_task(chain->command, fathom_entry_finish);
}

static const struct fathom_caller fathom_entry_caller = {
	.hand_over = fathom_chain_queue,
	.end = fathom_entry_end,
};

static int fathom_entry_start(struct io_uring_cmd *command, unsigned int issue_flags)
{
	struct file *device = command->file;
	struct fathom_chain *chain;
	void __user *argument;

	argument = u64_to_user_ptr(READ_ONCE(*(const u64 *)io_uring_sqe_cmd(command->sqe)));
	chain = fathom_chain_create(device->private_data, device, argument,
				    !(issue_flags & IO_URING_F_NONBLOCK));
	if (IS_ERR(chain))
		return PTR_ERR(chain);
	chain->caller = &fathom_entry_caller;
	chain->command = command;
	io_uring_cmd_to_pdu(command, struct fathom_entry)->chain = chain;
	io_uring_cmd_mark_cancelable(command, issue_flags);
	refcount_inc(&chain->refs); /* ours, until the chain was started */
	fathom_chain_start(chain);
	fathom_chain_put(chain);
	return -EIOCBQUEUED;
}

int fathom_uring_cmd(struct io_uring_cmd *command, unsigned int issue_flags)
{
	if (issue_flags & IO_URING_F_CANCEL) {
		struct fathom_chain *chain = fathom_entry_chain(command);

		fathom_chain_abort(chain, FATHOM_XRP_CANCELLED, FATHOM_XRP_IRQ);
		return 0;
	}
	if (command->cmd_op != FATHOM_XRP_READ || (issue_flags & IO_URING_F_IOPOLL))
		return -EOPNOTSUPP;
	return fathom_entry_start(command, issue_flags);
}
