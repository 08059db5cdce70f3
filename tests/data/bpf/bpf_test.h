/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What programs for tests need of the kernel's headers. */
#include "../../../functions/fathom_storage.h"

#define __uint(name, value) int (*name)[value]
#define __type(name, value) value *name
#define bpf_map_lookup_elem ((void *(*)(void *, const void *))1)
#define bpf_map_update_elem ((long (*)(void *, const void *, const void *, __u64))2)
#define bpf_ktime_get_ns ((__u64 (*)(void))5)
#define bpf_ringbuf_reserve ((void *(*)(void *, __u64, __u64))131)
#define bpf_ringbuf_submit ((void (*)(void *, __u64))132)
#define bpf_ringbuf_discard ((void (*)(void *, __u64))133)

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_RINGBUF = 27 };
