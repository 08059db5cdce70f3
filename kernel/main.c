// SPDX-License-Identifier: GPL-2.0
/*
 * Storage functions in the kernel, after XRP (OSDI 2022): verified BPF
 * functions that run when a read completes and issue the next read from there.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "xrp.h"

unsigned int fathom_chains_max = 1024;
module_param_named(chains_max, fathom_chains_max, uint, 0644);
MODULE_PARM_DESC(chains_max, "chains of one open file of the device");

unsigned int fathom_reads_max = 65536;
module_param_named(reads_max, fathom_reads_max, uint, 0644);
MODULE_PARM_DESC(reads_max, "reads of one chain");

unsigned int fathom_deadline_ms = 30000;
module_param_named(deadline_ms, fathom_deadline_ms, uint, 0644);
MODULE_PARM_DESC(deadline_ms, "longest time of one chain, in milliseconds");

unsigned long fathom_bytes_max = 1ul << 30;
module_param_named(bytes_max, fathom_bytes_max, ulong, 0644);
MODULE_PARM_DESC(bytes_max, "bytes of one chain");

struct workqueue_struct *fathom_steps;
struct workqueue_struct *fathom_releases;

/* Sessions, pins and files; a session lives as long as its chains. */
static atomic_t live;

void fathom_live_get(void)
{
	atomic_inc(&live);
}

void fathom_live_put(void)
{
	if (atomic_dec_and_test(&live))
		wake_up_var(&live);
}

static int __init fathom_init(void)
{
	int err = -ENOMEM;

	fathom_steps = alloc_workqueue("fathom_steps", WQ_HIGHPRI, 0);
	if (!fathom_steps)
		return err;
	fathom_releases = alloc_workqueue("fathom_releases", 0, 0);
	if (!fathom_releases)
		goto destroy_steps;
	err = fathom_reads_init();
	if (err)
		goto destroy_releases;
	err = fathom_function_init();
	if (err)
		goto exit_reads;
	err = fathom_device_init();
	if (err)
		goto exit_reads;
	return 0;

exit_reads:
	fathom_reads_exit();
destroy_releases:
	destroy_workqueue(fathom_releases);
destroy_steps:
	destroy_workqueue(fathom_steps);
	return err;
}

/*
 * The device is closed, but its chains may have left reads with a device. The
 * last of them may still be on its way out of this code when it is counted.
 */
static void __exit fathom_exit(void)
{
	fathom_device_exit();
	wait_var_event(&live, !atomic_read(&live));
	destroy_workqueue(fathom_steps);
	destroy_workqueue(fathom_releases);
	rcu_barrier();
	synchronize_rcu_tasks();
	fathom_reads_exit();
}

module_init(fathom_init);
module_exit(fathom_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Storage functions: BPF functions that run when a read completes");
MODULE_VERSION("1.0");
