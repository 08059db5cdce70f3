using System.Collections.Immutable;
using static Fathom.Bpf.Verification.ArgumentKind;
using static Fathom.Bpf.Verification.ContextFieldKind;

namespace Fathom.Bpf.Verification;

/// <summary>The program types that this library knows by name, and the sections that programs of these types stand in.</summary>
/// <remarks>Numbers and prototypes of helpers are those of the kernel's include/uapi/linux/bpf.h.</remarks>
internal static class KnownProgramTypes
{
    internal static readonly ImmutableDictionary<int, FunctionPrototype> CommonHelpers = new Dictionary<int, FunctionPrototype>
    {
        [1] = new("bpf_map_lookup_elem", ResultKind.MapValueOrNull, Map, MapKey),
        [2] = new("bpf_map_update_elem", ResultKind.Scalar, Map, MapKey, MapValue, Scalar),
        [3] = new("bpf_map_delete_elem", ResultKind.Scalar, Map, MapKey),
        [5] = new("bpf_ktime_get_ns", ResultKind.Scalar, []),
        [6] = new("bpf_trace_printk", ResultKind.Scalar, ReadableMemory, Size),
        [7] = new("bpf_get_prandom_u32", ResultKind.Scalar, []),
        [8] = new("bpf_get_smp_processor_id", ResultKind.Scalar, []),
        [130] = new("bpf_ringbuf_output", ResultKind.Scalar, RingBuffer, ReadableMemory, SizeOrZero, Scalar),
        [131] = new("bpf_ringbuf_reserve", ResultKind.RecordOrNull, RingBuffer, ResultSize, Scalar),
        [132] = new("bpf_ringbuf_submit", ResultKind.None, Record, Scalar),
        [133] = new("bpf_ringbuf_discard", ResultKind.None, Record, Scalar),
        [134] = new("bpf_ringbuf_query", ResultKind.Scalar, RingBuffer, Scalar),
    }.ToImmutableDictionary();

    private static readonly ImmutableDictionary<int, FunctionPrototype> PacketHelpers = CommonHelpers
        .Add(28, new("bpf_csum_diff", ResultKind.Scalar, ReadableMemoryOrNull, SizeOrZero, ReadableMemoryOrNull, SizeOrZero, Scalar));

    private static readonly ImmutableDictionary<int, FunctionPrototype> XdpHelpers = PacketHelpers
        .Add(23, new("bpf_redirect", ResultKind.Scalar, Scalar, Scalar))
        .Add(44, new("bpf_xdp_adjust_head", ResultKind.Scalar, Context, Scalar) { MovesPacket = true })
        .Add(54, new("bpf_xdp_adjust_meta", ResultKind.Scalar, Context, Scalar) { MovesPacket = true })
        .Add(65, new("bpf_xdp_adjust_tail", ResultKind.Scalar, Context, Scalar) { MovesPacket = true });

    private static readonly ImmutableDictionary<int, FunctionPrototype> SocketHelpers = CommonHelpers
        .Add(26, new("bpf_skb_load_bytes", ResultKind.Scalar, Context, Scalar, WritableMemory, Size));

    private static readonly ImmutableDictionary<int, FunctionPrototype> TrafficHelpers = SocketHelpers
        .Add(28, PacketHelpers[28])
        .Add(9, new("bpf_skb_store_bytes", ResultKind.Scalar, Context, Scalar, ReadableMemory, Size, Scalar) { MovesPacket = true })
        .Add(10, new("bpf_l3_csum_replace", ResultKind.Scalar, Context, Scalar, Scalar, Scalar, Scalar) { MovesPacket = true })
        .Add(11, new("bpf_l4_csum_replace", ResultKind.Scalar, Context, Scalar, Scalar, Scalar, Scalar) { MovesPacket = true })
        .Add(23, XdpHelpers[23])
        .Add(39, new("bpf_skb_pull_data", ResultKind.Scalar, Context, Scalar) { MovesPacket = true });

    private static readonly ImmutableDictionary<int, FunctionPrototype> TracingHelpers = CommonHelpers
        .Add(4, new("bpf_probe_read", ResultKind.Scalar, WritableMemory, SizeOrZero, Scalar))
        .Add(14, new("bpf_get_current_pid_tgid", ResultKind.Scalar, []))
        .Add(15, new("bpf_get_current_uid_gid", ResultKind.Scalar, []))
        .Add(16, new("bpf_get_current_comm", ResultKind.Scalar, WritableMemory, Size))
        .Add(113, new("bpf_probe_read_kernel", ResultKind.Scalar, WritableMemory, SizeOrZero, Scalar));

    internal static readonly ProgramType StorageFunction = new(
        "storage",
        ContextLayout.Structure(
            "struct fathom_context", 224, allowsMovedPointer: true,
            new("next_offset", ReadWrite, 0, 8, 16), new("next_size", ReadWrite, 128, 4, 16), new("offset", ReadOnly, 192, 8),
            new("size", ReadOnly, 200, 4), new("scratch_size", ReadOnly, 204, 4), new("hop", ReadOnly, 208, 4),
            new("reads_pending", ReadOnly, 212, 4), new("done", ReadWrite, 216, 4)),
        CommonHelpers,
        new Dictionary<string, FunctionPrototype>
        {
            ["fathom_data"] = new("fathom_data", ResultKind.ReadOnlyMemoryOrNull, Context, Scalar, ResultSize),
            ["fathom_scratch"] = new("fathom_scratch", ResultKind.MemoryOrNull, Context, Scalar, ResultSize),
        }.ToImmutableDictionary());

    internal static readonly ProgramType Packet = new(
        "packet",
        ContextLayout.Structure("struct packet", 24, allowsMovedPointer: true, new("data", Data, 0, 8), new("data_end", DataEnd, 8, 8), new("data_meta", DataMeta, 16, 8)),
        PacketHelpers, []);

    internal static readonly ProgramType Xdp = new(
        "xdp",
        ContextLayout.Structure(
            "struct xdp_md", 24, allowsMovedPointer: false, new("data", Data, 0, 4), new("data_end", DataEnd, 4, 4), new("data_meta", DataMeta, 8, 4),
            new("ingress_ifindex", ReadOnly, 12, 4), new("rx_queue_index", ReadOnly, 16, 4)),
        XdpHelpers, []) { IsRunnable = false };

    internal static readonly ProgramType SocketFilter = new(
        "socket", ContextLayout.Structure("struct __sk_buff", 192, allowsMovedPointer: false, [.. SocketBuffer(ReadOnly).Where(field => field.Name is not ("tc_classid" or "tstamp" or "wire_len"))]),
        SocketHelpers, []) { IsRunnable = false };

    internal static readonly ProgramType TrafficControl = new(
        "tc",
        ContextLayout.Structure(
            "struct __sk_buff", 192, allowsMovedPointer: false,
            [.. SocketBuffer(ReadWrite), new("data", Data, 76, 4), new("data_end", DataEnd, 80, 4), new("data_meta", DataMeta, 140, 4)]),
        TrafficHelpers, []) { IsRunnable = false };

    private static readonly ProgramType Tracing = new("tracing", ContextLayout.Memory(8192, isWritable: false), TracingHelpers, []) { IsRunnable = false };

    internal static readonly ImmutableDictionary<string, ProgramType> BySection = new Dictionary<string, ProgramType>
    {
        ["storage"] = StorageFunction,
        ["struct_ops"] = StorageFunction,
        ["packet"] = Packet,
        ["xdp"] = Xdp,
        ["socket"] = SocketFilter,
        ["tc"] = TrafficControl,
        ["classifier"] = TrafficControl,
        ["action"] = TrafficControl,
        ["tcx"] = TrafficControl,
        ["tracepoint"] = Tracing,
        ["tp"] = Tracing,
        ["kprobe"] = Tracing,
        ["raw_tp"] = Tracing,
        ["raw_tracepoint"] = Tracing,
        ["perf_event"] = Tracing,
    }.ToImmutableDictionary();

    /// <param name="marks">What a traffic-control program may write and a socket filter only read.</param>
    private static IEnumerable<ContextField> SocketBuffer(ContextFieldKind marks) =>
    [
        new("len", ReadOnly, 0, 4), new("pkt_type", ReadOnly, 4, 4), new("mark", marks, 8, 4), new("queue_mapping", marks, 12, 4),
        new("protocol", ReadOnly, 16, 4), new("vlan_present", ReadOnly, 20, 4), new("vlan_tci", ReadOnly, 24, 4), new("vlan_proto", ReadOnly, 28, 4),
        new("priority", marks, 32, 4), new("ingress_ifindex", ReadOnly, 36, 4), new("ifindex", ReadOnly, 40, 4), new("tc_index", marks, 44, 4),
        new("cb", ReadWrite, 48, 4, 5), new("hash", ReadOnly, 68, 4), new("tc_classid", marks, 72, 4), new("napi_id", ReadOnly, 84, 4),
        new("family", ReadOnly, 88, 4), new("remote_ip4", ReadOnly, 92, 4), new("local_ip4", ReadOnly, 96, 4), new("remote_ip6", ReadOnly, 100, 4, 4),
        new("local_ip6", ReadOnly, 116, 4, 4), new("remote_port", ReadOnly, 132, 4), new("local_port", ReadOnly, 136, 4), new("tstamp", marks, 152, 8),
        new("wire_len", ReadOnly, 160, 4), new("gso_segs", ReadOnly, 164, 4), new("gso_size", ReadOnly, 176, 4),
    ];
}
