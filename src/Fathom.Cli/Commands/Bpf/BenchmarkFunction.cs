using System.Buffers.Binary;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Verification;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>A storage function as a user writes it in C#: the block, and the scratch memory.</summary>
internal delegate int HandWrittenStep(ReadOnlySpan<byte> data, Span<byte> scratch);

/// <summary>A function that is measured in three forms, with the memory it works on.</summary>
/// <param name="Name">In the report.</param>
/// <param name="Program">As eBPF, verified.</param>
/// <param name="HandWritten">As C#.</param>
/// <param name="Data">The block.</param>
/// <param name="Scratch">Arguments; results go there too.</param>
internal sealed record BenchmarkFunction(string Name, VerifiedProgram Program, HandWrittenStep HandWritten, byte[] Data, byte[] Scratch)
{
    private const int NodeKeys = 31;
    private const int NodeBytes = 512;
    private const int AggregateBytes = 64 << 10;

    /// <summary>
    /// Search of a full B-tree node of 31 keys: { u64 count, u64 keys[31], u64 children[31] … }. The key is scratch[0]; the child goes to
    /// scratch[1]. Five halvings, as many as 31 keys need.
    /// </summary>
    public static BenchmarkFunction NodeSearch(int key)
    {
        var data = new byte[NodeBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(data, NodeKeys);
        for (var i = 0; i < NodeKeys; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8 + (8 * i)), (ulong)(i * 10));
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8 + (8 * (NodeKeys + i))), (ulong)(4096 + (i * 512)));
        }
        var scratch = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(scratch, (ulong)key);
        return new BenchmarkFunction("node search", Verified("node_search", NodeSearchText), SearchNode, data, scratch);
    }

    /// <summary>
    /// Sum and exclusive or of the 8192 values in 64 KiB, and how many are above scratch[0]; results in scratch[1] to scratch[3]. Values are
    /// below 2^63, so that the difference's sign is the comparison: a branch for each value is more than a verifier puts aside.
    /// </summary>
    public static BenchmarkFunction Aggregate()
    {
        var data = new byte[AggregateBytes];
        for (var i = 0; i < AggregateBytes / 8; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8 * i), (ulong)i * 0x9e3779b97f4a7c15 >> 20);
        var scratch = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(scratch, 1UL << 43);
        return new BenchmarkFunction("64 KiB aggregation", Verified("aggregate", AggregateText), AggregateBlock, data, scratch);
    }

    private const string NodeSearchText = """
        r6 = r1
        r2 = 0
        r3 = 512
        call fathom_data
        if r0 == 0 goto fail
        r7 = r0
        r1 = r6
        r2 = 0
        r3 = 64
        call fathom_scratch
        if r0 == 0 goto fail
        r1 = *(u64 *)(r0 + 0)
        r3 = 0
        r4 = r3
        r4 <<= 3
        r4 += r7
        r4 = *(u64 *)(r4 + 128)
        if r4 > r1 goto below16
        r3 += 16
        below16:
        r4 = r3
        r4 <<= 3
        r4 += r7
        r4 = *(u64 *)(r4 + 64)
        if r4 > r1 goto below8
        r3 += 8
        below8:
        r4 = r3
        r4 <<= 3
        r4 += r7
        r4 = *(u64 *)(r4 + 32)
        if r4 > r1 goto below4
        r3 += 4
        below4:
        r4 = r3
        r4 <<= 3
        r4 += r7
        r4 = *(u64 *)(r4 + 16)
        if r4 > r1 goto below2
        r3 += 2
        below2:
        r4 = r3
        r4 <<= 3
        r4 += r7
        r4 = *(u64 *)(r4 + 8)
        if r4 > r1 goto below1
        r3 += 1
        below1:
        if r3 == 0 goto fail
        r3 <<= 3
        r7 += r3
        r1 = *(u64 *)(r7 + 248)
        *(u64 *)(r0 + 8) = r1
        r0 = 0
        exit
        fail: r0 = -5
        exit
        """;

    private const string AggregateText = """
        r6 = r1
        r2 = 0
        r3 = 65536
        call fathom_data
        if r0 == 0 goto fail
        r7 = r0
        r1 = r6
        r2 = 0
        r3 = 64
        call fathom_scratch
        if r0 == 0 goto fail
        r9 = *(u64 *)(r0 + 0)
        r1 = 0
        r2 = 0
        r3 = 0
        r5 = 0
        next: r6 = r7
        r6 += r1
        r6 = *(u64 *)(r6 + 0)
        r2 += r6
        r3 ^= r6
        r4 = r9
        r4 -= r6
        r4 >>= 63
        r5 += r4
        r1 += 8
        if r1 != 65536 goto next
        *(u64 *)(r0 + 8) = r2
        *(u64 *)(r0 + 16) = r3
        *(u64 *)(r0 + 24) = r5
        r0 = 0
        exit
        fail: r0 = -5
        exit
        """;

    private static VerifiedProgram Verified(string name, string text) =>
        Verifier.Verify(Assembler.Assemble(text, name), ProgramType.StorageFunction) switch
        {
            VerifiedProgram verified => verified,
            var rejection => throw new CommandException($"{rejection}"),
        };

    private static int SearchNode(ReadOnlySpan<byte> data, Span<byte> scratch)
    {
        if (data.Length < NodeBytes || scratch.Length < 64)
            return -5;
        var key = BinaryPrimitives.ReadUInt64LittleEndian(scratch);
        var low = 0;
        for (var step = (NodeKeys + 1) / 2; step > 0; step >>= 1)
            if (BinaryPrimitives.ReadUInt64LittleEndian(data[(8 * (low + step))..]) <= key)
                low += step;
        if (low == 0)
            return -5;
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[8..], BinaryPrimitives.ReadUInt64LittleEndian(data[(248 + (8 * low))..]));
        return 0;
    }

    private static int AggregateBlock(ReadOnlySpan<byte> data, Span<byte> scratch)
    {
        if (data.Length < AggregateBytes || scratch.Length < 64)
            return -5;
        var threshold = BinaryPrimitives.ReadUInt64LittleEndian(scratch);
        var (sum, mixed, count) = (0UL, 0UL, 0UL);
        foreach (var value in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(data[..AggregateBytes]))
        {
            sum += value;
            mixed ^= value;
            count += (threshold - value) >> 63;
        }
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[8..], sum);
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[16..], mixed);
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[24..], count);
        return 0;
    }
}
