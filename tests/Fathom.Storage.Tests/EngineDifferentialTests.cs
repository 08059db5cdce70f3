using System.Buffers.Binary;

namespace Fathom.Storage.Tests;

/// <summary>Random chains give the same result on every engine, by every face, with and without the page cache.</summary>
public class EngineDifferentialTests
{
    private const int FileBytes = (256 << 10) + 700;
    private const int ScratchBytes = 64;

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task RandomChains_GiveTheSameEverywhere(int seed)
    {
        using var content = TestFile.CreateRandom(FileBytes, seed);
        var random = new Random(seed);
        var plans = Enumerable.Range(0, 400).Select(_ => Plan.Draw(random)).ToArray();
        List<(ChainResult Result, string Scratch)>? expected = null;
        foreach (var (kind, direct) in new[]
        {
            (EngineKind.Threads, DirectReads.Never), (EngineKind.Threads, DirectReads.Prefer),
            (EngineKind.Uring, DirectReads.Never), (EngineKind.Uring, DirectReads.Prefer),
        })
        {
            using var engine = Engines.Start(kind, options => options with { ChainsMax = random.Next(1, 80) });
            using var file = engine.Open(content.Path, new StorageFileOptions { Direct = direct });
            Skip.If(file.AlignmentBytes > 512, "The device reads larger blocks only.");
            var batch = RunBatch(engine, file, plans);
            expected ??= batch;
            AssertSame(expected, batch, seed);
            AssertSame(expected, await RunAsync(engine, file, plans), seed);
        }
        Assert.True(expected!.Select(outcome => outcome.Result.Status).Distinct().Count() >= 6, "The chains are to end in many ways.");
    }

    private static List<(ChainResult, string)> RunBatch(StorageEngine engine, StorageFile file, Plan[] plans)
    {
        var scratch = new byte[plans.Length * ScratchBytes];
        var requests = plans.Select((plan, i) => plan.Request(file, scratch.AsMemory(i * ScratchBytes, ScratchBytes))).ToArray();
        var results = new ChainResult[plans.Length];
        engine.RunBatch(requests, results);
        return [.. results.Select((result, i) => (result, Convert.ToHexString(scratch, i * ScratchBytes, ScratchBytes)))];
    }

    private static async Task<List<(ChainResult, string)>> RunAsync(StorageEngine engine, StorageFile file, Plan[] plans)
    {
        var scratch = plans.Select(_ => new byte[ScratchBytes]).ToArray();
        var results = await Task.WhenAll(plans.Select((plan, i) => engine.RunAsync(plan.Request(file, scratch[i])).AsTask()));
        return [.. results.Select((result, i) => (result, Convert.ToHexString(scratch[i])))];
    }

    private static void AssertSame(List<(ChainResult Result, string Scratch)> expected, List<(ChainResult Result, string Scratch)> actual, int seed)
    {
        for (var i = 0; i < expected.Count; i++)
            Assert.True(expected[i] == actual[i], $"Seed {seed}, chain {i}: {expected[i]} against {actual[i]}.");
    }

    /// <summary>A chain whose reads follow from the data it reads and from a seed in its scratch; some reads are bad.</summary>
    private sealed record Plan(int Seed, int Breadth, int Badness, long Offset, int Size, ChainLimits Limits)
    {
        private static readonly StorageFunction Wander = StorageFunction.FromDelegate(Step, nameof(Wander));

        public static Plan Draw(Random random) => new(
            random.Next(), random.Next(1, 17), random.Next(4) == 0 ? random.Next(1, 60) : 0,
            random.Next(0, FileBytes / 512) * 512L, 512 * random.Next(1, 9),
            new ChainLimits { ReadsMax = random.Next(3) == 0 ? random.Next(1, 40) : 0, BytesMax = random.Next(3) == 0 ? random.Next(1, 400_000) : 0 });

        public ChainRequest Request(StorageFile file, Memory<byte> scratch)
        {
            scratch.Span.Clear();
            BinaryPrimitives.WriteInt32LittleEndian(scratch.Span, Seed);
            scratch.Span[4] = (byte)Breadth;
            scratch.Span[5] = (byte)Badness;
            return new ChainRequest(file, Wander, Offset, Size, scratch) { Limits = Limits };
        }

        private static int Step(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> scratch)
        {
            // The whole history of the chain goes into the state: a read in another order gives another state.
            var state = BinaryPrimitives.ReadUInt32LittleEndian(scratch) * 0x9E3779B9u;
            foreach (var value in data)
                state = (state ^ value) * 16777619;
            state = (state ^ (uint)context.Offset ^ (context.Hop << 20) ^ (context.ReadsPending << 8) ^ context.Size) * 0x85EBCA6Bu;
            BinaryPrimitives.WriteUInt32LittleEndian(scratch, state);
            BinaryPrimitives.WriteUInt32LittleEndian(scratch[(8 + ((int)context.Hop % 14 * 4))..], state);
            if (state % 97 == 0)
                return -(int)(state % 200) - 1;
            context.Done = state % 61 == 1 ? 1u : 0;
            var reads = context.ReadsPending > 60 ? 0 : (int)(state >> 8) % (scratch[4] + 1);
            for (var i = 0; i < reads; i++)
            {
                state = (state * 1664525) + 1013904223;
                var size = (state >> 24) % 8 == 0 ? 512u << (int)(state % 8) : 512 * (1 + (state % 4));
                var offset = (ulong)((state >> 9) % (FileBytes / 512)) * 512;
                if ((state >> 3) % 1000 < scratch[5])
                    (offset, size) = ((state >> 5) % 4) switch { 0 => (offset + 1, size), 1 => (1ul << 63, size), 2 => (offset, 100u), _ => (offset + FileBytes + 512, size) };
                context.Read(i, offset, size);
            }
            return 0;
        }
    }
}
