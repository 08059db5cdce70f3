// SPDX-License-Identifier: GPL-2.0
/*
 * Counts what a look-up costs the processor: runs in a guest of one processor
 * whose clock counts instructions (QEMU -icount shift=0), and takes the time
 * that the processor was not idle. One line a setting:
 * PATH BLOCK_BYTES DEPTH METHOD INSTRUCTIONS_A_LOOK_UP
 * Methods that end in _8 run in eight processes at once, so that the processor
 * has something to do while the drive works.
 *
 * Usage: measure FUNCTION_ID BLOCK_BYTES PATH [METHOD DEPTH [LOOK_UPS]]
 * With a method, that one alone: pread_polled is measured only so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fathom_xrp.h"

#define LEVELS 6
#define BLOCKS 128 /* of a level */
#define WARM_UPS 40
#define PROCESSES 8 /* for what several at once cost */

static int file;
static int device;
static uint32_t block_bytes;
static uint64_t function_id;
static uint32_t pin;
static char *block;
static uint64_t count;
static int look_ups = 600;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Blocks of level i lead to blocks of level i + 1, those of the last to none. */
static void write_index(void)
{
	for (int level = 0; level < LEVELS; level++) {
		for (int i = 0; i < BLOCKS; i++) {
			int64_t at = (int64_t)(level * BLOCKS + i) * block_bytes;
			int64_t next = (level + 1) * BLOCKS + rand() % BLOCKS;

			memset(block, i, block_bytes);
			((int64_t *)block)[0] = level == LEVELS - 1 ? -1 : next * block_bytes;
			((uint32_t *)block)[2] = block_bytes;
			if (pwrite(file, block, block_bytes, at) != (ssize_t)block_bytes)
				fail("pwrite");
		}
	}
	if (fsync(file))
		fail("fsync");
}

/* One step, as the storage function takes it: the next offset, or -1. */
static int64_t step(void)
{
	count++;
	return __atomic_load_n((int64_t *)block, __ATOMIC_RELAXED);
}

static void look_up_polled(int64_t offset)
{
	struct iovec to = { .iov_base = block, .iov_len = block_bytes };

	while (offset != -1) {
		if (preadv2(file, &to, 1, offset, RWF_HIPRI) != (ssize_t)block_bytes)
			fail("preadv2");
		offset = step();
	}
}

static void look_up_pread(int64_t offset)
{
	while (offset != -1) {
		if (pread(file, block, block_bytes, offset) != (ssize_t)block_bytes)
			fail("pread");
		offset = step();
	}
}

static struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

static void open_ring(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct iovec buffer = { .iov_base = block, .iov_len = block_bytes };
	char *queues;
	unsigned int *array;

	ring.fd = syscall(SYS_io_uring_setup, 8, &p);
	if (ring.fd < 0)
		fail("io_uring_setup");
	queues = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, p.sq_entries * sizeof(*ring.sqes), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
	if (queues == MAP_FAILED || ring.sqes == MAP_FAILED)
		fail("mmap");
	ring.sq_tail = (unsigned int *)(queues + p.sq_off.tail);
	ring.sq_mask = (unsigned int *)(queues + p.sq_off.ring_mask);
	ring.cq_head = (unsigned int *)(queues + p.cq_off.head);
	ring.cq_tail = (unsigned int *)(queues + p.cq_off.tail);
	ring.cq_mask = (unsigned int *)(queues + p.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(queues + p.cq_off.cqes);
	array = (unsigned int *)(queues + p.sq_off.array);
	for (unsigned int i = 0; i < p.sq_entries; i++)
		array[i] = i;
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &file, 1) ||
	    syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1))
		fail("io_uring_register");
}

/* Hands one entry to the kernel and waits for its completion. */
static int ring_do(const struct io_uring_sqe *entry)
{
	unsigned int tail = *ring.sq_tail, head = *ring.cq_head;

	ring.sqes[tail & *ring.sq_mask] = *entry;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE) == head) {
		if (syscall(SYS_io_uring_enter, ring.fd, *ring.sq_tail - tail ? 1 : 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			fail("io_uring_enter");
		tail = *ring.sq_tail;
	}
	tail = ring.cqes[head & *ring.cq_mask].res;
	__atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
	return tail;
}

static void look_up_uring(int64_t offset)
{
	while (offset != -1) {
		struct io_uring_sqe entry = {
			.opcode = IORING_OP_READ_FIXED,
			.flags = IOSQE_FIXED_FILE,
			.off = offset,
			.addr = (uintptr_t)block,
			.len = block_bytes,
		};

		if (ring_do(&entry) != (int)block_bytes)
			fail("read over io_uring");
		offset = step();
	}
}

static void check(const struct fathom_xrp_read *read)
{
	if (read->status != FATHOM_XRP_DONE) {
		fprintf(stderr, "the chain ended as %u, code %d\n", read->status, read->code);
		exit(1);
	}
}

static enum fathom_xrp_engine engine;

static struct fathom_xrp_read request(int64_t offset)
{
	return (struct fathom_xrp_read){
		.file = pin,
		.engine = engine,
		.function = function_id,
		.offset = offset,
		.size = block_bytes,
		.scratch = (uintptr_t)&count,
		.scratch_size = sizeof(count),
	};
}

static void look_up_module(int64_t offset)
{
	struct fathom_xrp_read read = request(offset);

	if (ioctl(device, FATHOM_XRP_READ, &read))
		fail("FATHOM_XRP_READ");
	check(&read);
}

static void look_up_command(int64_t offset)
{
	struct fathom_xrp_read read = request(offset);
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_URING_CMD,
		.fd = device,
		.cmd_op = FATHOM_XRP_READ,
	};

	*(uint64_t *)entry.cmd = (uintptr_t)&read;
	if (ring_do(&entry))
		fail("FATHOM_XRP_READ over io_uring");
	check(&read);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* Nanoseconds, which are instructions, of idleness, waiting for reads or not. */
static uint64_t idle(void)
{
	FILE *list = fopen("/proc/timer_list", "r");
	char line[256];
	uint64_t found = 0, value;

	if (!list)
		fail("/proc/timer_list");
	while (fgets(line, sizeof(line), list))
		if (sscanf(line, " .idle_sleeptime : %lu", &value) == 1 ||
		    sscanf(line, " .iowait_sleeptime : %lu", &value) == 1)
			found += value;
	fclose(list);
	return found;
}

static uint64_t measure(void (*look_up)(int64_t offset), int depth)
{
	uint64_t start, idle_start, end, idle_end;
	int64_t first = (int64_t)(LEVELS - depth) * BLOCKS;

	for (int i = 0; i < WARM_UPS; i++)
		look_up((first + i % BLOCKS) * block_bytes);
	count = 0;
	idle_start = idle();
	start = now();
	for (int i = 0; i < look_ups; i++)
		look_up((first + i % BLOCKS) * block_bytes);
	end = now();
	idle_end = idle();
	/* The module counts in scratch, which is this variable, too. */
	if (count != (uint64_t)look_ups * depth)
		fail("steps");
	return ((end - start) - (idle_end - idle_start)) / look_ups;
}

static void open_device(void)
{
	struct fathom_xrp_pin wanted = { .fd = file };

	device = open("/dev/fathom_xrp", O_RDWR);
	if (device < 0)
		fail("/dev/fathom_xrp");
	if (ioctl(device, FATHOM_XRP_PIN, &wanted))
		fail("FATHOM_XRP_PIN");
	pin = wanted.file;
}

static void look_up_in_child(void (*look_up)(int64_t offset), int depth, int child)
{
	int64_t first = (int64_t)(LEVELS - depth) * BLOCKS;

	open_device();
	for (int i = 0; i < look_ups / PROCESSES; i++)
		look_up((first + (i * PROCESSES + child) % BLOCKS) * block_bytes);
	_exit(0);
}

static uint64_t measure_many(void (*look_up)(int64_t offset), int depth)
{
	uint64_t start, idle_start, end, idle_end;
	int status;

	idle_start = idle();
	start = now();
	for (int child = 0; child < PROCESSES; child++)
		if (!fork())
			look_up_in_child(look_up, depth, child);
	for (int child = 0; child < PROCESSES; child++)
		if (wait(&status) < 0 || status)
			fail("child");
	end = now();
	idle_end = idle();
	return ((end - start) - (idle_end - idle_start)) / look_ups;
}

static const struct method {
	const char *name;
	void (*look_up)(int64_t offset);
	enum fathom_xrp_engine engine;
} methods[] = {
	{ "pread", look_up_pread, 0 },
	{ "pread_polled", look_up_polled, 0 },
	{ "io_uring", look_up_uring, 0 },
	{ "auto", look_up_module, FATHOM_XRP_AUTO },
	{ "task", look_up_module, FATHOM_XRP_TASK },
	{ "irq", look_up_module, FATHOM_XRP_IRQ },
	{ "worker", look_up_module, FATHOM_XRP_WORKER },
	{ "uring_cmd", look_up_command, FATHOM_XRP_AUTO },
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static bool can_be_many(const struct method *method)
{
	return method->look_up == look_up_pread || method->look_up == look_up_module;
}

static void report(const char *path, const struct method *method, int depth, bool is_many)
{
	uint64_t cost;

	engine = method->engine;
	cost = is_many ? measure_many(method->look_up, depth) : measure(method->look_up, depth);
	printf("%s %u %d %s%s %lu\n", path, block_bytes, depth, method->name,
	       is_many ? "_8" : "", cost);
	fflush(stdout);
}

static void report_all(const char *path)
{
	for (int depth = 1; depth <= LEVELS; depth++)
		for (size_t i = 0; i < METHODS; i++)
			if (methods[i].look_up != look_up_polled)
				report(path, &methods[i], depth, false);
	for (size_t i = 0; i < METHODS; i++)
		if (can_be_many(&methods[i]))
			report(path, &methods[i], LEVELS, true);
}

/* Of a method by name, with "_8" behind it for several processes at once. */
static void report_one(const char *path, const char *name, int depth)
{
	for (size_t i = 0; i < METHODS; i++) {
		size_t length = strlen(methods[i].name);

		if (strncmp(name, methods[i].name, length))
			continue;
		if (!name[length])
			report(path, &methods[i], depth, false);
		else if (!strcmp(name + length, "_8") && can_be_many(&methods[i]))
			report(path, &methods[i], depth, true);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	function_id = strtoull(argv[1], NULL, 10);
	block_bytes = strtoul(argv[2], NULL, 10);
	if (argc > 6)
		look_ups = atoi(argv[6]);
	if (posix_memalign((void **)&block, 4096, 65536))
		fail("memory");
	file = open(argv[3], O_RDWR | O_CREAT | O_DIRECT, 0600);
	if (file < 0)
		fail(argv[3]);
	write_index();
	open_device();
	open_ring();
	if (argc > 5)
		report_one(argv[3], argv[4], atoi(argv[5]));
	else
		report_all(argv[3]);
	return 0;
}
