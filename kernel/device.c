// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/fathom_xrp: its ioctls, and the caller that waits for a chain.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_io_accounting_ops.h>
#include <linux/uaccess.h>

#include "xrp.h"

/*
 * The waiter may return, and its task end, as soon as it sees what was set:
 * until it was woken up, RCU keeps the task's memory.
 */
static void fathom_waiter_hand_over(struct fathom_chain *chain)
{
	rcu_read_lock();
	WRITE_ONCE(chain->handed, true);
	wake_up_process(chain->waiter);
	rcu_read_unlock();
}

static void fathom_waiter_end(struct fathom_chain *chain)
{
	if (chain->waiter != current)
		wake_up_process(chain->waiter);
}

static const struct fathom_caller fathom_waiter = {
	.hand_over = fathom_waiter_hand_over,
	.end = fathom_waiter_end,
};

/* Sleeps until the chain is handed over or has ended, or for a fatal signal; or polls once. */
static void fathom_wait_once(struct fathom_chain *chain, bool aborted)
{
	if (chain->polls && fathom_reads_poll(chain)) {
		cond_resched();
		return;
	}
	set_current_state(aborted ? TASK_UNINTERRUPTIBLE : TASK_KILLABLE);
	if (!READ_ONCE(chain->handed) && !READ_ONCE(chain->ended))
		io_schedule();
	__set_current_state(TASK_RUNNING);
}

static void fathom_wait(struct fathom_chain *chain)
{
	bool aborted = false;

	while (!smp_load_acquire(&chain->ended)) { /* with the results */
		fathom_wait_once(chain, aborted);
		if (READ_ONCE(chain->handed)) {
			WRITE_ONCE(chain->handed, false);
			fathom_chain_run(chain, FATHOM_XRP_TASK);
		} else if (!aborted && fatal_signal_pending(current)) {
			fathom_chain_abort(chain, FATHOM_XRP_CANCELLED, FATHOM_XRP_TASK);
			aborted = true;
		}
	}
}

/* Gives the caller what an ended chain has for it, and counts as its own what was read. */
int fathom_read_finish(struct fathom_chain *chain)
{
	task_io_account_read(chain->result.bytes);
	count_vm_events(PGPGIN, chain->result.bytes >> SECTOR_SHIFT);
	if (copy_to_user(u64_to_user_ptr(chain->result.scratch), chain->scratch,
			 chain->scratch_size) ||
	    copy_to_user(chain->request, &chain->result, sizeof(chain->result)))
		return -EFAULT;
	return 0;
}

static long fathom_read(struct file *device, struct fathom_xrp_read __user *argument)
{
	struct fathom_chain *chain;
	long err;

	chain = fathom_chain_create(device->private_data, device, argument, true);
	if (IS_ERR(chain))
		return PTR_ERR(chain);
	chain->caller = &fathom_waiter;
	chain->waiter = current;
	chain->polls = fathom_chain_may_poll(chain);
	fathom_chain_start(chain);
	fathom_wait(chain);
	fathom_chain_leave(chain);
	err = fathom_read_finish(chain);
	fathom_chain_put(chain);
	return err;
}

static long fathom_pin(struct fathom_session *session, struct fathom_xrp_pin __user *argument)
{
	struct fathom_xrp_pin request;
	struct fathom_pin *pin;
	u32 name;
	int err;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	pin = fathom_pin_create(&request);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	err = xa_alloc(&session->pins, &name, pin, xa_limit_31b, GFP_KERNEL);
	if (err) {
		fathom_pin_put(pin);
		return err;
	}
	request.file = name;
	if (!copy_to_user(argument, &request, sizeof(request)))
		return 0;
	pin = xa_erase(&session->pins, name);
	if (pin)
		fathom_pin_put(pin);
	return -EFAULT;
}

static long fathom_unpin(struct fathom_session *session, u32 __user *argument)
{
	struct fathom_pin *pin;
	u32 name;

	if (get_user(name, argument))
		return -EFAULT;
	pin = xa_erase(&session->pins, name);
	if (!pin)
		return -EBADF;
	fathom_pin_put(pin);
	return 0;
}

static long fathom_info(struct fathom_xrp_info __user *argument)
{
	struct fathom_xrp_info info = {
		.version = FATHOM_XRP_VERSION,
		.chains_max = READ_ONCE(fathom_chains_max),
		.reads_max = READ_ONCE(fathom_reads_max),
		.deadline_ms = READ_ONCE(fathom_deadline_ms),
		.bytes_max = READ_ONCE(fathom_bytes_max),
	};

	return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
}

static long fathom_ioctl(struct file *device, unsigned int number, unsigned long argument)
{
	void __user *pointer = (void __user *)argument;

	switch (number) {
	case FATHOM_XRP_READ:
		return fathom_read(device, pointer);
	case FATHOM_XRP_PIN:
		return fathom_pin(device->private_data, pointer);
	case FATHOM_XRP_UNPIN:
		return fathom_unpin(device->private_data, pointer);
	case FATHOM_XRP_CANCEL:
		return fathom_session_cancel(device->private_data, pointer);
	case FATHOM_XRP_INFO:
		return fathom_info(pointer);
	default:
		return -ENOTTY;
	}
}

static int fathom_open(struct inode *inode, struct file *device)
{
	struct fathom_session *session = fathom_session_create();

	if (!session)
		return -ENOMEM;
	device->private_data = session;
	return 0;
}

static int fathom_release(struct inode *inode, struct file *device)
{
	struct fathom_session *session = device->private_data;
	struct fathom_pin *pin;
	unsigned long name;

	xa_for_each(&session->pins, name, pin)
		fathom_pin_put(pin);
	xa_destroy(&session->pins);
	fathom_session_put(session);
	return 0;
}

static const struct file_operations fathom_operations = {
	.owner = THIS_MODULE,
	.open = fathom_open,
	.release = fathom_release,
	.unlocked_ioctl = fathom_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = fathom_uring_cmd,
	.llseek = noop_llseek,
};

static struct miscdevice fathom_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fathom_xrp",
	.fops = &fathom_operations,
	.mode = 0600,
};

int fathom_device_init(void)
{
	return misc_register(&fathom_device);
}

void fathom_device_exit(void)
{
	misc_deregister(&fathom_device);
}
