// SPDX-License-Identifier: GPL-2.0
/*
 * Storage functions as a BPF struct_ops type, and the two kfuncs by which they
 * reach the block that was read and the scratch memory.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cred.h>
#include <linux/filter.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "xrp.h"

#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS 0 /* what every kfunc asks for, later */
#endif

static DEFINE_HASHTABLE(functions, 6);
static DEFINE_MUTEX(functions_lock); /* guards the table's writers */

/*
 * The names of the sizes are what makes the verifier take the returned pointer
 * for memory of that many bytes, read-only and writable.
 */
__bpf_kfunc_start_defs();

__bpf_kfunc u8 *fathom_data(struct fathom_context *context, u32 offset,
			    u32 rdonly_buf_size)
{
	struct fathom_chain *chain =
		container_of(context, struct fathom_chain, context);

	if (offset > chain->data_size ||
	    rdonly_buf_size > chain->data_size - offset)
		return NULL;
	return (u8 *)chain->data + offset;
}

__bpf_kfunc u8 *fathom_scratch(struct fathom_context *context, u32 offset,
			       u32 rdwr_buf_size)
{
	struct fathom_chain *chain =
		container_of(context, struct fathom_chain, context);

	if (offset > chain->scratch_size ||
	    rdwr_buf_size > chain->scratch_size - offset)
		return NULL;
	return (u8 *)chain->scratch + offset;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(fathom_kfuncs)
BTF_ID_FLAGS(func, fathom_data, KF_RET_NULL | KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, fathom_scratch, KF_RET_NULL | KF_TRUSTED_ARGS)
BTF_KFUNCS_END(fathom_kfuncs)

static const struct btf_kfunc_id_set fathom_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &fathom_kfuncs,
};

static int fathom_ops_init(struct btf *btf)
{
	return 0;
}

/* The only argument is the pointer to the context. */
static bool fathom_is_valid_access(int off, int size, enum bpf_access_type type,
				   const struct bpf_prog *prog,
				   struct bpf_insn_access_aux *info)
{
	if (off != 0 || size != sizeof(u64) || type != BPF_READ)
		return false;
	return btf_ctx_access(off, size, type, prog, info);
}

static bool fathom_lies_in(int off, int size, size_t start, size_t end)
{
	return off >= start && off + size <= end;
}

/* Only the context is ever a trusted pointer here, so its offsets decide. */
static int fathom_struct_access(struct bpf_verifier_log *log,
				const struct bpf_reg_state *reg, int off,
				int size)
{
	if (fathom_lies_in(off, size,
			   offsetof(struct fathom_context, next_offset),
			   offsetofend(struct fathom_context, next_offset)) ||
	    fathom_lies_in(off, size,
			   offsetof(struct fathom_context, next_size),
			   offsetofend(struct fathom_context, next_size)) ||
	    fathom_lies_in(off, size, offsetof(struct fathom_context, done),
			   offsetofend(struct fathom_context, done)))
		return SCALAR_VALUE;
	bpf_log(log,
		"fathom_context is read-only at off %d size %d: only next_offset, next_size and done can be written\n",
		off, size);
	return -EACCES;
}

static const struct bpf_verifier_ops fathom_verifier_ops = {
	.get_func_proto = bpf_base_func_proto,
	.is_valid_access = fathom_is_valid_access,
	.btf_struct_access = fathom_struct_access,
};

/* Steps run where reads complete. */
static int fathom_check_member(const struct btf_type *type,
			       const struct btf_member *member,
			       const struct bpf_prog *prog)
{
	return prog->sleepable ? -EINVAL : 0;
}

static int fathom_init_member(const struct btf_type *type,
			      const struct btf_member *member, void *kdata,
			      const void *udata)
{
	const struct fathom_storage_ops *from = udata;
	struct fathom_storage_ops *to = kdata;

	switch (__btf_member_bit_offset(type, member) / 8) {
	case offsetof(struct fathom_storage_ops, id):
		to->id = from->id;
		return 1;
	case offsetof(struct fathom_storage_ops, flags):
		if (from->flags & ~FATHOM_XRP_SHARED)
			return -EINVAL;
		to->flags = from->flags;
		return 1;
	default:
		return 0;
	}
}

static int fathom_validate(void *kdata)
{
	const struct fathom_storage_ops *ops = kdata;

	return ops->step ? 0 : -EINVAL;
}

static struct fathom_function *fathom_find(u64 id)
{
	struct fathom_function *function;

	hash_for_each_possible_rcu(functions, function, node, id,
				   lockdep_is_held(&functions_lock))
		if (function->id == id)
			return function;
	return NULL;
}

static int fathom_register(void *kdata, struct bpf_link *link)
{
	struct fathom_storage_ops *ops = kdata;
	struct fathom_function *function;
	int err = 0;

	function = kzalloc(sizeof(*function), GFP_KERNEL_ACCOUNT);
	if (!function)
		return -ENOMEM;
	refcount_set(&function->refs, 1);
	function->id = ops->id;
	function->flags = ops->flags;
	function->uid = current_euid();
	RCU_INIT_POINTER(function->ops, ops);

	mutex_lock(&functions_lock);
	if (ops->function)
		err = -EBUSY;
	else if (fathom_find(ops->id))
		err = -EEXIST;
	else
		hash_add_rcu(functions, &function->node, function->id);
	if (!err)
		ops->function = function;
	mutex_unlock(&functions_lock);
	if (err)
		kfree(function);
	return err;
}

/* Steps that run are waited for; chains find the function gone at their next one. */
static void fathom_unregister(void *kdata, struct bpf_link *link)
{
	struct fathom_storage_ops *ops = kdata;
	struct fathom_function *function;

	mutex_lock(&functions_lock);
	function = ops->function;
	ops->function = NULL;
	hash_del_rcu(&function->node);
	RCU_INIT_POINTER(function->ops, NULL);
	mutex_unlock(&functions_lock);
	synchronize_rcu();
	fathom_function_put(function);
}

static int fathom_stub__step(struct fathom_context *context)
{
	return 0;
}

static struct fathom_storage_ops fathom_stubs = {
	.step = fathom_stub__step,
};

static struct bpf_struct_ops fathom_struct_ops = {
	.verifier_ops = &fathom_verifier_ops,
	.init = fathom_ops_init,
	.check_member = fathom_check_member,
	.init_member = fathom_init_member,
	.validate = fathom_validate,
	.reg = fathom_register,
	.unreg = fathom_unregister,
	.cfi_stubs = &fathom_stubs,
	.owner = THIS_MODULE,
	.name = "fathom_storage_ops",
};

/*
 * The function of an id, for its loader's own user, for all when it is shared,
 * and for who may load.
 */
struct fathom_function *fathom_function_get(u64 id, const struct file *device)
{
	struct fathom_function *function;

	rcu_read_lock();
	function = fathom_find(id);
	if (!function || !refcount_inc_not_zero(&function->refs))
		function = ERR_PTR(-ENOENT);
	rcu_read_unlock();
	if (IS_ERR(function) || (function->flags & FATHOM_XRP_SHARED) ||
	    uid_eq(function->uid, device->f_cred->euid) ||
	    file_ns_capable(device, &init_user_ns, CAP_BPF))
		return function;
	fathom_function_put(function);
	return ERR_PTR(-EACCES);
}

void fathom_function_put(struct fathom_function *function)
{
	if (refcount_dec_and_test(&function->refs))
		kfree_rcu(function, rcu);
}

int fathom_function_init(void)
{
	int err;

	err = register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS,
					&fathom_kfunc_set);
	return err ?: register_bpf_struct_ops(&fathom_struct_ops,
					      fathom_storage_ops);
}
