using Fathom.Bpf.Execution;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>The helpers that the public conformance programs call, by ubpf's numbers. One object serves one run.</summary>
internal sealed class ConformanceFunctions
{
    private const int GatherBytes = 0;
    private const int MemoryFrob = 1;
    private const int NoOperation = 2;
    private const int SquareRoot = 3;
    private const int StringCompare = 4;
    private const int Unwind = 5;

    public ConformanceFunctions() => Table = HelperTable.Standard
        .WithHelper(GatherBytes, (ref BpfRun _, ulong a, ulong b, ulong c, ulong d, ulong e) =>
            ((ulong)(byte)a << 32) | ((ulong)(byte)b << 24) | ((ulong)(byte)c << 16) | ((ulong)(byte)d << 8) | (byte)e)
        .WithHelper(MemoryFrob, Frob)
        .WithHelper(NoOperation, (ref BpfRun _, ulong _, ulong _, ulong _, ulong _, ulong _) => 0)
        .WithHelper(SquareRoot, (ref BpfRun _, ulong value, ulong _, ulong _, ulong _, ulong _) => (ulong)Math.Sqrt(value))
        .WithHelper(StringCompare, Compare)
        .WithHelper(Unwind, End);

    public HelperTable Table { get; }

    /// <summary>The program was ended by the unwind function: its result is 0 and no failure.</summary>
    public bool HasUnwound { get; private set; }

    private static ulong Frob(ref BpfRun run, ulong memory, ulong bytes, ulong r3, ulong r4, ulong r5)
    {
        const byte Mask = 42;
        foreach (ref var value in run.Writable(memory, (uint)Math.Min(bytes, uint.MaxValue)))
            value ^= Mask;
        return memory;
    }

    private static ulong Compare(ref BpfRun run, ulong left, ulong right, ulong r3, ulong r4, ulong r5)
    {
        if (left == 0 || right == 0)
            return ulong.MaxValue;
        while (true)
        {
            var a = run.Readable(left++, 1);
            var b = run.Readable(right++, 1);
            if (a.IsEmpty || b.IsEmpty)
                return 0;
            if (a[0] != b[0] || a[0] == 0)
                return (ulong)(a[0] - b[0]);
        }
    }

    private ulong End(ref BpfRun run, ulong value, ulong r2, ulong r3, ulong r4, ulong r5)
    {
        if (value == 0)
        {
            HasUnwound = true;
            run.Fail(RunFault.BadArgument, value);
        }
        return value;
    }
}
