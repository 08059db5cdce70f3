using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Tests.Elf;

/// <summary>A BPF-KV file in memory, written from docs/formats/bpf-kv.md alone, and chains over it with a function of functions/.</summary>
internal sealed class KvStore
{
    private const ulong Prime = 0x9E3779B185EBCA87;
    private const int ContextBytes = 224;

    private int _end = 8192;

    public byte[] File { get; } = new byte[1 << 20];

    public ulong Root { get; set; }

    public int RootLevel { get; set; }

    public long FileEnd => _end;

    /// <summary>Two levels: a root over leaves of 31 keys; value i is i as 8 bytes, then 56 bytes of i's low byte.</summary>
    public static KvStore Build(int keys, Func<int, ulong> keyOf, Func<int, long> valueOf)
    {
        var store = new KvStore();
        var leaves = new List<(ulong First, ulong Pointer)>();
        for (var start = 0; start < keys; start += 31)
        {
            var entries = new List<(ulong Key, ulong Pointer)>();
            for (var i = start; i < Math.Min(keys, start + 31); i++)
            {
                var value = new byte[64];
                Array.Fill(value, (byte)i);
                BinaryPrimitives.WriteInt64LittleEndian(value, valueOf(i));
                entries.Add((keyOf(i), store.AddRecord(keyOf(i), value)));
            }
            leaves.Add((entries[0].Key, store.AddPage(0, entries)));
        }
        store.Root = store.AddPage(1, leaves);
        store.RootLevel = 1;
        return store;
    }

    public ulong AddRecord(ulong key, byte[] value)
    {
        // A record of at most 512 bytes does not cross a multiple of 512.
        var bytes = 8 + ((value.Length + 7) & ~7);
        if (_end / 512 != (_end + bytes - 1) / 512)
            _end = (_end + 511) & ~511;
        var at = _end;
        _end += bytes;
        var padded = new byte[(value.Length + 7) & ~7];
        value.CopyTo(padded, 0);
        var mix = Mix(KeyMix(key) + (ulong)value.Length, padded);
        BinaryPrimitives.WriteUInt32LittleEndian(File.AsSpan(at), (uint)(mix ^ (mix >> 32)));
        BinaryPrimitives.WriteInt32LittleEndian(File.AsSpan(at + 4), value.Length);
        padded.CopyTo(File.AsSpan(at + 8));
        return Extent(at, bytes);
    }

    public ulong AddPage(int level, List<(ulong Key, ulong Pointer)> entries)
    {
        var at = (_end + 511) & ~511;
        _end = at + 512;
        var page = File.AsSpan(at, 512);
        (page[8], page[9]) = ((byte)level, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(page[10..], (ushort)entries.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(page[12..], 31);
        for (var i = 0; i < entries.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(page[(16 + (8 * i))..], entries[i].Key);
            BinaryPrimitives.WriteUInt64LittleEndian(page[(16 + 248 + (8 * i))..], entries[i].Pointer);
        }
        Seal(at);
        return Extent(at, 512);
    }

    /// <summary>Writes a page's checksum anew.</summary>
    public void Seal(int page) => BinaryPrimitives.WriteUInt64LittleEndian(File.AsSpan(page), Mix((ulong)page, File.AsSpan(page + 8, 504)));

    public static ulong Extent(long offset, int bytes) => ((ulong)offset >> 3 << 23) | ((ulong)bytes >> 3);

    public static long OffsetOf(ulong extent) => (long)(extent >> 23 << 3);

    /// <summary>Runs a chain until it is done; negative for a function's error, and the number of reads.</summary>
    public (int Result, int Reads) Run(VerifiedProgram function, byte[] scratch, ulong pointer, uint level)
    {
        using var maps = MapSet.Create(function.Program);
        var compiled = CompiledProgram.Compile(function, ProgramBinding.Standard with { Maps = maps });
        BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(16), pointer);
        BinaryPrimitives.WriteUInt32LittleEndian(scratch.AsSpan(24), level);
        BinaryPrimitives.WriteInt32LittleEndian(scratch.AsSpan(28), 512);
        BinaryPrimitives.WriteInt64LittleEndian(scratch.AsSpan(32), _end);
        var length = (int)(pointer & 0x7FFFFF) << 3;
        var reads = new Queue<(long Offset, int Size)>();
        reads.Enqueue((OffsetOf(pointer) & ~511L, (int)(((OffsetOf(pointer) + length + 511) & ~511L) - (OffsetOf(pointer) & ~511L))));
        for (var hop = 0; reads.TryDequeue(out var read); hop++)
        {
            if (hop == 1000 || read.Offset + read.Size > File.Length)
                return (hop == 1000 ? -1000 : -2000, hop);
            var context = new byte[ContextBytes];
            BinaryPrimitives.WriteInt64LittleEndian(context.AsSpan(192), read.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(200), read.Size);
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(204), scratch.Length);
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(208), hop);
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(212), reads.Count);
            var result = Step(compiled, context, File.AsSpan((int)read.Offset, read.Size).ToArray(), scratch);
            if (result < 0 || BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(216)) == 1)
                return (result, hop + 1);
            for (var i = 0; i < 16; i++)
            {
                if (BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(128 + (4 * i))) is > 0 and var size)
                    reads.Enqueue((BinaryPrimitives.ReadInt64LittleEndian(context.AsSpan(8 * i)), size));
            }
        }
        return (-3000, 0);
    }

    public static VerifiedProgram Load(string name) => (VerifiedProgram)Verifier.Verify(
        BpfObject.Open(Path.Combine(TreeFiles.Objects, $"{name}.bpf.o")).FindProgram(name), ProgramType.StorageFunction);

    private static unsafe int Step(CompiledProgram compiled, byte[] context, byte[] data, byte[] scratch)
    {
        fixed (byte* c = context, d = data, s = scratch)
        {
            // SAFETY: the arrays are pinned for the length of the run.
            var outcome = compiled.Run(new ProgramMemory(new NativeView(c, context.Length), new NativeView(d, data.Length), new NativeView(s, scratch.Length)), ExecutionLimits.Default);
            Assert.True(outcome.IsReturn, outcome.ToString());
            return (int)outcome.Result;
        }
    }

    private static ulong Round(ulong h, ulong word) => BitOperations.RotateLeft((h ^ word) * Prime, 29);

    private static ulong KeyMix(ulong key) => Mix(8, MemoryMarshal.AsBytes([key]));

    private static ulong Mix(ulong seed, ReadOnlySpan<byte> bytes)
    {
        Span<ulong> h = stackalloc ulong[4];
        for (var lane = 0; lane < 4; lane++)
            h[lane] = seed + ((ulong)(lane + 1) * Prime);
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (var j = 0; j < words.Length; j++)
            h[j & 3] = Round(h[j & 3], words[j]);
        var x = Round(Round(Round(Round((ulong)words.Length, h[0]), h[1]), h[2]), h[3]);
        x ^= x >> 32;
        x *= Prime;
        return x ^ (x >> 29);
    }
}
