// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A filter as one writes it for XDP: Ethernet with VLAN tags, IPv4 with options, TCP and UDP; counters, a flow table, events. */
#include "bpf_test.h"

struct xdp_md { __u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct ethernet { __u8 to[6], from[6]; __u16 type; } __attribute__((packed));
struct vlan { __u16 tag, type; };
struct ipv4 { __u8 version_length, service; __u16 total, id, fragment; __u8 ttl, protocol; __u16 check; __u32 from, to; };
struct tcp { __u16 from, to; __u32 sequence, acknowledged; __u16 flags, window, check, urgent; };
struct udp { __u16 from, to, length, check; };
struct flow { __u32 from, to; __u16 from_port, to_port; __u32 protocol; };
struct counter { __u64 packets, bytes; };
struct event { struct flow flow; __u64 when; };

struct { __uint(type, MAP_HASH); __uint(max_entries, 1024); __type(key, struct flow); __type(value, struct counter); } flows SEC(".maps");
struct { __uint(type, MAP_PERCPU_ARRAY); __uint(max_entries, 256); __type(key, __u32); __type(value, struct counter); } protocols SEC(".maps");
struct { __uint(type, MAP_RINGBUF); __uint(max_entries, 65536); } events SEC(".maps");

const volatile __u16 blocked_ports[8] = { 23, 25, 111, 135, 139, 445, 0, 0 };
__u64 dropped;

static __attribute__((noinline)) int is_blocked(__u16 port)
{
	for (int i = 0; i < 8; i++)
		if (blocked_ports[i] != 0 && blocked_ports[i] == port)
			return 1;
	return 0;
}

static __always_inline void count(struct counter *counter, __u64 bytes)
{
	__sync_fetch_and_add(&counter->packets, 1);
	__sync_fetch_and_add(&counter->bytes, bytes);
}

SEC("xdp") int packet_filter(struct xdp_md *context)
{
	void *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
	struct ethernet *ethernet = data;
	struct flow flow = {};
	struct counter *counter, fresh = { 1, 0 };
	struct ipv4 *ip;
	void *next = ethernet + 1;
	__u16 type;
	__u32 length, protocol;

	if (next > end)
		return 2;
	type = ethernet->type;
	for (int i = 0; i < 2; i++) {
		struct vlan *vlan = next;

		if (type != 0x0081 && type != 0xa888)
			break;
		if ((void *)(vlan + 1) > end)
			return 2;
		type = vlan->type;
		next = vlan + 1;
	}
	if (type != 0x0008)
		return 2;
	ip = next;
	if ((void *)(ip + 1) > end)
		return 2;
	length = (ip->version_length & 15) * 4;
	if (length < sizeof(*ip) || next + length > end)
		return 1;
	protocol = ip->protocol;
	counter = bpf_map_lookup_elem(&protocols, &protocol);
	if (counter)
		count(counter, end - data);
	flow.from = ip->from;
	flow.to = ip->to;
	flow.protocol = protocol;
	next += length;
	if (protocol == 6) {
		struct tcp *tcp = next;

		if ((void *)(tcp + 1) > end)
			return 1;
		flow.from_port = tcp->from;
		flow.to_port = tcp->to;
	} else if (protocol == 17) {
		struct udp *udp = next;

		if ((void *)(udp + 1) > end)
			return 1;
		flow.from_port = udp->from;
		flow.to_port = udp->to;
	}
	if (is_blocked(__builtin_bswap16(flow.to_port))) {
		struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

		dropped++;
		if (!event)
			return 1;
		event->flow = flow;
		event->when = bpf_ktime_get_ns();
		bpf_ringbuf_submit(event, 0);
		return 1;
	}
	counter = bpf_map_lookup_elem(&flows, &flow);
	if (counter)
		count(counter, end - data);
	else
		bpf_map_update_elem(&flows, &flow, &fresh, 0);
	return 2;
}

LICENSE("GPL");
