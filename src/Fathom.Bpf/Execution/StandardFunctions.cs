using System.Diagnostics;
using System.Security.Cryptography;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Execution;

/// <summary>The helpers of the kernel that need no kernel, and the two kfuncs of storage functions.</summary>
/// <remarks>Static methods, so that compiled code calls them directly. Numbers stand in <see cref="HelperTable.Standard"/>.</remarks>
internal static class StandardFunctions
{
    public const string DataKfunc = "fathom_data";
    public const string ScratchKfunc = "fathom_scratch";

    /// <summary>void *bpf_map_lookup_elem(map, key).</summary>
    public static ulong MapLookup(ref BpfRun run, ulong map, ulong key, ulong r3, ulong r4, ulong r5)
    {
        if (KeyedMapAt(ref run, map) is not { } keyed)
            return 0;
        var keyBytes = run.Readable(key, (uint)keyed.KeyBytes);
        return keyBytes.IsEmpty ? 0 : keyed.Find(keyBytes);
    }

    /// <summary>long bpf_map_update_elem(map, key, value, flags).</summary>
    public static ulong MapUpdate(ref BpfRun run, ulong map, ulong key, ulong value, ulong flags, ulong r5)
    {
        if (KeyedMapAt(ref run, map) is not { } keyed)
            return 0;
        if (keyed.Definition.ReadOnly)
            return unchecked((ulong)MapError.NotPermitted);
        var keyBytes = run.Readable(key, (uint)keyed.KeyBytes);
        var valueBytes = run.Readable(value, (uint)keyed.ValueBytes);
        return keyBytes.IsEmpty || valueBytes.IsEmpty ? 0 : (ulong)keyed.Update(keyBytes, valueBytes, flags);
    }

    /// <summary>long bpf_map_delete_elem(map, key).</summary>
    public static ulong MapDelete(ref BpfRun run, ulong map, ulong key, ulong r3, ulong r4, ulong r5)
    {
        if (KeyedMapAt(ref run, map) is not { } keyed)
            return 0;
        if (keyed.Definition.ReadOnly)
            return unchecked((ulong)MapError.NotPermitted);
        var keyBytes = run.Readable(key, (uint)keyed.KeyBytes);
        return keyBytes.IsEmpty ? 0 : (ulong)keyed.Delete(keyBytes);
    }

    /// <summary>u64 bpf_ktime_get_ns(): monotonic.</summary>
    public static ulong TimeNs(ref BpfRun run, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5) =>
        (ulong)((Int128)Stopwatch.GetTimestamp() * 1_000_000_000 / Stopwatch.Frequency);

    /// <summary>long bpf_trace_printk(format, size, …): the length, or a negative errno.</summary>
    public static ulong Trace(ref BpfRun run, ulong format, ulong bytes, ulong r3, ulong r4, ulong r5)
    {
        var text = run.Readable(format, bytes > TraceMessage.FormatBytesMax ? uint.MaxValue : (uint)bytes);
        if (run.Fault != RunFault.None)
            return 0;
        if (!TraceMessage.TryFormat(text, [r3, r4, r5], out var message))
            return unchecked((ulong)MapError.Invalid);
        run.Trace?.Invoke(message);
        return (ulong)message.Length;
    }

    /// <summary>u32 bpf_get_prandom_u32().</summary>
    public static ulong Random(ref BpfRun run, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt32(bytes);
    }

    /// <summary>u32 bpf_get_smp_processor_id().</summary>
    public static ulong ProcessorId(ref BpfRun run, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5) =>
        (ulong)(Thread.GetCurrentProcessorId() % Environment.ProcessorCount);

    /// <summary>long bpf_ringbuf_output(ring, data, size, flags).</summary>
    public static ulong RingBufferOutput(ref BpfRun run, ulong ring, ulong data, ulong bytes, ulong flags, ulong r5)
    {
        if (RingBufferAt(ref run, ring) is not { } buffer)
            return 0;
        if (bytes > (ulong)buffer.Definition.EntriesMax)
            return unchecked((ulong)MapError.TooBig);
        var record = run.Readable(data, (uint)bytes);
        return run.Fault != RunFault.None ? 0 : (ulong)buffer.Output(record);
    }

    /// <summary>void *bpf_ringbuf_reserve(ring, size, flags).</summary>
    public static ulong RingBufferReserve(ref BpfRun run, ulong ring, ulong bytes, ulong flags, ulong r4, ulong r5) =>
        RingBufferAt(ref run, ring)?.Reserve(bytes) ?? 0;

    /// <summary>void bpf_ringbuf_submit(record, flags).</summary>
    public static ulong RingBufferSubmit(ref BpfRun run, ulong record, ulong flags, ulong r3, ulong r4, ulong r5) => Finish(ref run, record, discard: false);

    /// <summary>void bpf_ringbuf_discard(record, flags).</summary>
    public static ulong RingBufferDiscard(ref BpfRun run, ulong record, ulong flags, ulong r3, ulong r4, ulong r5) => Finish(ref run, record, discard: true);

    /// <summary>u64 bpf_ringbuf_query(ring, what): 0 bytes in use, 1 size.</summary>
    public static ulong RingBufferQuery(ref BpfRun run, ulong ring, ulong what, ulong r3, ulong r4, ulong r5)
    {
        if (RingBufferAt(ref run, ring) is not { } buffer)
            return 0;
        return what switch
        {
            0 => (ulong)buffer.BytesInUse,
            1 => (ulong)buffer.Definition.EntriesMax,
            _ => 0,
        };
    }

    /// <summary>const void *fathom_data(context, offset, size): null unless all of it was read. Compiled code has these lines inlined.</summary>
    public static unsafe ulong Data(ref BpfRun run, ulong context, ulong offset, ulong bytes, ulong r4, ulong r5) =>
        (uint)offset <= run.DataBytes && (uint)bytes <= run.DataBytes - (uint)offset ? (ulong)(run.DataStart + (uint)offset) : 0;

    /// <summary>void *fathom_scratch(context, offset, size): null unless all of it is there. Compiled code has these lines inlined.</summary>
    public static unsafe ulong Scratch(ref BpfRun run, ulong context, ulong offset, ulong bytes, ulong r4, ulong r5) =>
        (uint)offset <= run.ScratchBytes && (uint)bytes <= run.ScratchBytes - (uint)offset ? (ulong)(run.ScratchStart + (uint)offset) : 0;

    private static KeyedMap? KeyedMapAt(ref BpfRun run, ulong argument)
    {
        if (run.MapAt(argument) is KeyedMap keyed)
            return keyed;
        run.Fail(RunFault.BadArgument, argument);
        return null;
    }

    private static RingBuffer? RingBufferAt(ref BpfRun run, ulong argument)
    {
        if (run.MapAt(argument) is RingBuffer buffer)
            return buffer;
        run.Fail(RunFault.BadArgument, argument);
        return null;
    }

    private static ulong Finish(ref BpfRun run, ulong record, bool discard)
    {
        foreach (var map in run.Maps.Maps)
            if (map is RingBuffer buffer && buffer.TryFinish(record, discard))
                return 0;
        run.Fail(RunFault.BadArgument, record);
        return 0;
    }
}
