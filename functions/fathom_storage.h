/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What a storage function sees. The same structure and the same two functions stand in user space and in the kernel,
 * so that one object runs in both.
 */
#ifndef FATHOM_STORAGE_H
#define FATHOM_STORAGE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed int __s32;
typedef signed long long __s64;
#endif

#define FATHOM_READS_MAX 16

/*
 * A function returns 0, or a negative number that ends the chain and goes to the caller.
 * Only next_offset, next_size and done can be written; they are 0 at each call.
 */
struct fathom_context {
	__u64 next_offset[FATHOM_READS_MAX];
	__u32 next_size[FATHOM_READS_MAX]; /* 0: no read */
	__u64 offset;                      /* of the block that was read */
	__u32 size;                        /* bytes that were read */
	__u32 scratch_size;
	__u32 hop;           /* 0 for the first read */
	__u32 reads_pending; /* other reads of this chain that are not complete */
	__u32 done;          /* 1: the chain ends well */
	__u32 reserved;
};

#ifndef __KERNEL__

#define __ksym __attribute__((section(".ksyms")))
#define __always_inline inline __attribute__((always_inline))
#define SEC(name) __attribute__((section(name), used))

/* Programs stand in this section; the kernel takes them as the member "step" of its operations. */
#define STORAGE_FUNCTION SEC("struct_ops/fathom_step")
#define LICENSE(text) char _license[] SEC("license") = text

/* rdwr_buf_size bytes of the block that was read, read-only; NULL when they do not lie within it. The size must be a constant. */
extern void *fathom_data(struct fathom_context *context, __u32 offset, __u32 rdwr_buf_size) __ksym;

/* rdwr_buf_size bytes of the scratch memory; NULL when they do not lie within it. The size must be a constant. */
extern void *fathom_scratch(struct fathom_context *context, __u32 offset, __u32 rdwr_buf_size) __ksym;

/* Keeps the compiler from reasoning about a value: what was masked stays masked in the code that the verifier sees. */
#define fathom_opaque(value) asm volatile("" : "+r"(value))

#endif
#endif
