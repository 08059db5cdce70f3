using System.Buffers.Binary;
using System.Diagnostics;
using Fathom.Storage.Native;

namespace Fathom.KernelGuest;

/// <summary>Chains as such, and indexes that lead them astray.</summary>
internal static class ChainCases
{
    public static (string Name, Action Body)[] All { get; } =
    [
        ("Chain_Linked_EndsDoneOnEveryEngine", Linked),
        ("Chain_OfSixteenReads_StepsInTheOrderOfAsking", FanOut),
        ("Chain_OfBlocksOf64KiB_ShowsThemWhole", LargeBlocks),
        ("Chain_ThatAsksForNothing_Stalls", Stalls),
        ("Index_SelfCycle_EndsAtTheHopLimit", () => Astray(Chain.Linked(0), XrpStatus.HopLimit, 40, 50)),
        ("Index_LongCycle_EndsAtTheHopLimit", () => Astray(Chain.Linked(512, 1024, 1536, 0), XrpStatus.HopLimit, 40, 50)),
        ("Index_PointerBeyondTheEnd_IsRefused", () => Astray(Chain.Linked(1 << 20), XrpStatus.OutOfFile, 34, 1)),
        ("Index_PointerTo2To63_IsRefused", () => Astray(Chain.Linked(long.MinValue), XrpStatus.OutOfFile, 34, 1)),
        ("Index_NegativePointer_IsRefused", () => Astray(Chain.Linked(-512), XrpStatus.OutOfFile, 34, 1)),
        ("Index_UnalignedPointer_IsRefused", () => Astray(Chain.Linked(8, 0), XrpStatus.Misaligned, 22, 1)),
        ("Index_WildPointers_EndCleanly", WildPointers),
        ("Index_SizeOfOneByte_IsRefused", () => Astray(Sized(1), XrpStatus.BadSize, 90, 1)),
        ("Index_SizeAbove64KiB_IsRefused", () => Astray(Sized(65537), XrpStatus.BadSize, 90, 1)),
        ("Index_SizeUnaligned_IsRefused", () => Astray(Sized(700), XrpStatus.Misaligned, 22, 1)),
        ("Chain_NeverDone_EndsAtTheModulesLimit", NeverDone),
        ("Chain_OfMoreReadsThanFit_IsRefused", TooManyReads),
        ("Limit_OfBytes_EndsTheChain", ByteLimit),
        ("Limit_OfTime_EndsTheChain", TimeLimit),
    ];

    /// <summary>Whatever a caller asks for: the administrator's word is the last.</summary>
    private static void NeverDone()
    {
        const string Limit = "/sys/module/fathom_xrp/parameters/reads_max";
        using var device = Guest.Device();
        using var endless = Functions.Load("r2 = 512\n*(u32 *)(r1 + 128) = r2\nr0 = 0\nexit", "never_done");
        var pin = Guest.Pin(device, Guest.Write("never", Chain.Linked(0)));
        var before = File.ReadAllText(Limit);
        File.WriteAllText(Limit, "200\n");
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(pin, endless.Id) with { ReadsMax = uint.MaxValue, Where = where });
            Chain.Ends(XrpStatus.HopLimit, 40, ran);
            Check.Equal(200u, ran.Hops, "hops");
        }
        File.WriteAllText(Limit, before);
    }

    /// <summary>Sixteen reads a step, of which one is consumed: 256 at most are pending.</summary>
    private static void TooManyReads()
    {
        using var device = Guest.Device();
        var reads = string.Concat(Enumerable.Range(0, 16).Select(i => $"*(u32 *)(r1 + {128 + (i * 4)}) = r2\n"));
        using var many = Functions.Load($"r2 = 512\n{reads}r0 = 0\nexit", "many");
        var pin = Guest.Pin(device, Guest.Write("many", Chain.Linked(0)));
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(pin, many.Id) with { Where = where });
            Chain.Ends(XrpStatus.TooManyReads, 7, ran);
            Check.Equal(18u, ran.Hops, "hops");
        }
    }

    private static byte[] Sized(int size)
    {
        var content = Chain.Linked(0);
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(8), size);
        return content;
    }

    private static void Linked()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("linked", Chain.Linked(1024, -1, 512)));
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var scratch = new byte[64];
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { Where = where }, scratch);
            Chain.Ends(XrpStatus.Done, 0, ran);
            Check.Equal(3u, ran.Hops, "hops");
            Check.Equal(1536ul, ran.Bytes, "bytes");
            Check.Equal(3ul, BinaryPrimitives.ReadUInt64LittleEndian(scratch), "count");
            if (where == XrpWhere.Task)
                Check.Equal(1u << (int)XrpWhere.Task, ran.Ran, "where steps ran");
            if (where == XrpWhere.Worker)
                Check.Equal(0u, ran.Ran & (1u << (int)XrpWhere.Irq), "steps that ran where reads completed");
        }
    }

    private static void FanOut()
    {
        using var device = Guest.Device();
        using var fan = Functions.Load(Functions.FanOutText, "fan_out");
        var content = new byte[17 * 4096];
        new Random(5).NextBytes(content);
        var pin = Guest.Pin(device, Guest.Write("fan", content));
        var expected = Enumerable.Range(0, 17).Aggregate(0ul, (sum, i) => sum + ((ulong)i * content[i * 4096]));
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var scratch = new byte[8];
            var ran = Chain.Run(device, Chain.Request(pin, fan.Id, 0, 4096) with { Where = where }, scratch);
            Chain.Ends(XrpStatus.Done, 0, ran);
            Check.Equal(17u, ran.Hops, "hops");
            Check.Equal(expected, BinaryPrimitives.ReadUInt64LittleEndian(scratch), $"{where}: sum");
        }
    }

    private static void LargeBlocks()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var content = new byte[3 << 16];
        for (var i = 0; i < 3; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(i << 16), i < 2 ? (i + 1) << 16 : -1);
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan((i << 16) + 8), 1 << 16);
        }
        var pin = Guest.Pin(device, Guest.Write("large", content));
        var ran = Chain.Run(device, Chain.Request(pin, follow.Id, 0, 1 << 16));
        Chain.Ends(XrpStatus.Done, 0, ran);
        Check.Equal((ulong)content.Length, ran.Bytes, "bytes");
    }

    private static void Stalls()
    {
        using var device = Guest.Device();
        using var nothing = Functions.Load("r0 = 0\nexit", "nothing");
        var pin = Guest.Pin(device, Guest.Write("stalls", Chain.Linked(0)));
        Chain.Ends(XrpStatus.Stalled, 71, Chain.Run(device, Chain.Request(pin, nothing.Id)));
    }

    private static void Astray(byte[] content, XrpStatus status, int code, uint hops)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("astray", content));
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { ReadsMax = 50, Where = where });
            Chain.Ends(status, code, ran);
            Check.Equal(hops, ran.Hops, "hops");
        }
    }

    private static void WildPointers()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var content = new byte[1 << 20];
        new Random(7).NextBytes(content);
        var pin = Guest.Pin(device, Guest.Write("wild", content));
        for (var block = 0; block < 500; block++)
        {
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id, (ulong)block * 512) with { ReadsMax = 50 });
            Check.That(ran.Status is XrpStatus.OutOfFile or XrpStatus.Misaligned or XrpStatus.BadSize, $"{ran.Status}");
        }
    }

    private static void ByteLimit()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("bytes", Chain.Linked(0)));
        var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { BytesMax = 2048 });
        Chain.Ends(XrpStatus.ByteLimit, 122, ran);
        Check.Equal(4u, ran.Hops, "hops");
    }

    private static void TimeLimit()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("time", Chain.Linked(0)));
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var clock = Stopwatch.StartNew();
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { DeadlineMs = 40, Where = where });
            Chain.Ends(XrpStatus.Deadline, 62, ran);
            Check.That(clock.ElapsedMilliseconds >= 30, "the chain ended too early");
        }
    }
}
