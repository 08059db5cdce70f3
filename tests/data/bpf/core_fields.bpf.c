// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Compiled against another layout of the context: every access is fitted to the real one when the object is opened. */
#define FATHOM_STORAGE_H
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))

struct fathom_context {
	__u32 done;
	__u32 size;
	__u64 gone;
	__u64 offset;
	__u32 next_size[4];
} __attribute__((preserve_access_index));

SEC("struct_ops/fathom_step") int core_fields(struct fathom_context *context)
{
	if (__builtin_preserve_field_info(context->gone, 2))
		return (int)context->gone;
	context->next_size[2] = 512;
	context->done = __builtin_preserve_field_info(context->offset, 1) + __builtin_preserve_type_info(*(struct fathom_context *)0, 1);
	return (int)context->offset + (int)context->size;
}

char _license[] SEC("license") = "GPL";
