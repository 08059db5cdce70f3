// SPDX-License-Identifier: GPL-2.0
/*
 * Sees the blocks of ext4's files move: every change of a file's extents passes
 * ext4_es_insert_extent or ext4_es_remove_extent. A chain itself holds
 * i_dio_count, which whoever takes blocks away waits for; what the probes see
 * tells the next chain that the map is no longer good.
 */
#include <linux/fprobe.h>
#include <linux/mutex.h>
#include <linux/ptrace.h>

#include "xrp.h"

static DEFINE_MUTEX(guard_lock); /* guards guard_users */
static unsigned int guard_users;

/* (struct inode *inode, u32 block, u32 count, ...) for both. */
static int fathom_extents_change(struct fprobe *probe, unsigned long entry_ip,
				 unsigned long ret_ip, struct pt_regs *regs,
				 void *entry_data)
{
	const struct inode *inode = (void *)regs_get_kernel_argument(regs, 0);
	u32 block = regs_get_kernel_argument(regs, 1);
	u32 count = regs_get_kernel_argument(regs, 2);

	fathom_files_spoil(inode, block, (u64)block + count);
	return 0;
}

static struct fprobe guard = {
	.entry_handler = fathom_extents_change,
};

/* Probes cost their users something, so they stand only while a file needs them. */
int fathom_guard_get(void)
{
	const char *names[2]; /* sorted in place */
	int err = 0;

	mutex_lock(&guard_lock);
	if (!guard_users) {
		names[0] = "ext4_es_insert_extent";
		names[1] = "ext4_es_remove_extent";
		guard = (struct fprobe){ .entry_handler = fathom_extents_change };
		err = register_fprobe_syms(&guard, names, ARRAY_SIZE(names));
	}
	if (!err)
		guard_users++;
	mutex_unlock(&guard_lock);
	return err;
}

void fathom_guard_put(void)
{
	mutex_lock(&guard_lock);
	if (!--guard_users)
		unregister_fprobe(&guard);
	mutex_unlock(&guard_lock);
}
