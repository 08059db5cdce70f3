/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface of /dev/fathom_xrp: files are pinned, then chains of reads
 * run over them. Both the ioctls and io_uring's uring_cmd take it; uring_cmd
 * takes FATHOM_XRP_READ only, with the address of the structure in the first
 * eight bytes of the entry's command.
 */
#ifndef FATHOM_XRP_H
#define FATHOM_XRP_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FATHOM_XRP_VERSION 1

#define FATHOM_XRP_READ_MIN 512
#define FATHOM_XRP_READ_MAX 65536
#define FATHOM_XRP_SCRATCH_MAX 1048576

/* What the module is and what it allows. */
struct fathom_xrp_info {
	__u32 version;
	__u32 chains_max;   /* chains of one open file of the device */
	__u32 reads_max;    /* reads of one chain */
	__u32 deadline_ms;  /* longest time of one chain */
	__u64 bytes_max;    /* bytes of one chain */
	__u64 reserved;
};

/* Reads of holes give zeros; without it they end the chain. */
#define FATHOM_XRP_ZEROS 1u
/*
 * Nobody may open the file for writing while it is pinned, as for a program
 * that runs. Needs the right to write, or ownership.
 */
#define FATHOM_XRP_SEAL 2u

struct fathom_xrp_pin {
	__s32 fd;           /* open for reading: a regular file or a block device */
	__u32 flags;
	__u32 file;         /* out: the name of the pin */
	__u32 alignment;    /* out: of offsets and sizes */
	__u64 size;         /* out */
	__u32 extents;      /* out: pieces in which the file lies */
	__u32 reserved;
};

/*
 * Where steps run when a read completes. Of io_uring no caller waits, so a
 * worker stands in. Where the device has queues to be polled, a caller that
 * waits polls for its reads, and AUTO means TASK.
 */
enum fathom_xrp_engine {
	FATHOM_XRP_AUTO,    /* where the read completes if it can be, else in the caller */
	FATHOM_XRP_TASK,    /* in the caller */
	FATHOM_XRP_IRQ,     /* where the read completes if it can be, else in a worker */
	FATHOM_XRP_WORKER,  /* in a worker */
};

/* How a chain ended. */
enum fathom_xrp_status {
	FATHOM_XRP_DONE,
	FATHOM_XRP_FUNCTION_ERROR,  /* code: what the function returned */
	FATHOM_XRP_STALLED,
	FATHOM_XRP_HOP_LIMIT,
	FATHOM_XRP_BYTE_LIMIT,
	FATHOM_XRP_DEADLINE,
	FATHOM_XRP_CANCELLED,
	FATHOM_XRP_OUT_OF_FILE,
	FATHOM_XRP_MISALIGNED,
	FATHOM_XRP_BAD_SIZE,
	FATHOM_XRP_TOO_MANY_READS,
	FATHOM_XRP_HOLE,
	FATHOM_XRP_READ_ERROR,      /* code: the device's errno */
	FATHOM_XRP_FILE_CHANGED,
	FATHOM_XRP_DETACHED,        /* the function is no longer loaded */
};

/* What happened to the file. */
#define FATHOM_XRP_TRUNCATED 1u
#define FATHOM_XRP_REMAPPED 2u
#define FATHOM_XRP_UNLINKED 4u

struct fathom_xrp_read {
	__u32 file;          /* the name of a pin */
	__u32 engine;
	__u64 function;      /* id that its loader gave it */
	__u64 offset;
	__u32 size;
	__u32 scratch_size;
	__u64 scratch;       /* address: arguments in, results out */
	__u32 reads_max;     /* 0: the module's */
	__u32 deadline_ms;   /* 0: the module's */
	__u64 bytes_max;     /* 0: the module's */

	/* Out, whenever the call returns 0. */
	__u32 status;
	__s32 code;          /* the function's own, else the errno that stands for the status */
	__u32 hops;
	__u32 change;        /* with FILE_CHANGED */
	__u64 bytes;
	__u64 blame_offset;  /* the read that was refused or failed */
	__u32 blame_size;
	__u32 ran;           /* bit 1 << engine: where steps ran */
};

#define FATHOM_XRP_INFO _IOR(0xFA, 0, struct fathom_xrp_info)
#define FATHOM_XRP_PIN _IOWR(0xFA, 1, struct fathom_xrp_pin)
#define FATHOM_XRP_UNPIN _IOW(0xFA, 2, __u32)
#define FATHOM_XRP_READ _IOWR(0xFA, 3, struct fathom_xrp_read)
/* Ends the chain whose request lies at the argument; of this open file, whoever waits for it. */
#define FATHOM_XRP_CANCEL _IO(0xFA, 4)

/* Flags of the struct_ops member of the same name. */
#define FATHOM_XRP_SHARED 1u /* any user of the device may run the function, not its loader alone */

#endif
