using System.Buffers.Binary;
using Fathom.Storage;
using Fathom.Storage.KeyValue;

namespace Fathom.KernelGuest;

/// <summary>The same object over the same index by the kernel, io_uring and threads: the same bytes.</summary>
internal static class EngineCases
{
    private const int LookUps = 10_000;
    private const int Batch = 250;
    private const int ScratchBytes = 96;

    private static readonly EngineKind[] Kinds = [EngineKind.Threads, EngineKind.Uring, EngineKind.Kernel];

    public static (string Name, Action Body)[] All { get; } =
    [
        ("Engines_TenThousandLookUps_GiveTheSameBytes", SameLookUps),
        ("Engines_StoreOf20000Pairs_GivesTheSamePairsAndScans", SameStore),
        ("Engines_AsynchronousAndSingleCalls_GiveTheSame", () => SameByEachFace().GetAwaiter().GetResult()),
        ("Engines_CancelledChain_EndsSo", () => Cancelled().GetAwaiter().GetResult()),
        ("Engines_ClosedFile_EndsItsChains", () => Closed().GetAwaiter().GetResult()),
        ("Engines_MethodInCSharp_RunsInUserSpace", InCSharp),
        ("Engines_Auto_PicksTheKernelForWhatItTakes", PicksTheKernel),
        ("Engines_ProgramThatTheKernelRefuses_IsNamed", NamesRefusal),
    ];

    private static StorageFile Open(string path, EngineKind kind) =>
        StorageFile.Open(path, new StorageFileOptions { Engine = new() { Kind = kind, Threads = 4 } });

    /// <summary>A radix tree over keys of 4 bytes, with keys that are there and bytes of damage.</summary>
    private static byte[] RadixTree(Random random, List<ulong> keys)
    {
        var nodes = new List<ulong[]> { new ulong[256] };
        var links = new List<(int Node, int Child)>();
        for (var i = 0; i < 2000; i++)
        {
            var key = (uint)random.Next();
            keys.Add((ulong)key << 32);
            var at = 0;
            for (var depth = 0; depth < 4; depth++)
            {
                var digit = (int)((key >> (24 - (8 * depth))) & 255);
                ref var child = ref nodes[at][digit];
                if (depth == 3)
                {
                    child = key | 1;
                    break;
                }
                if (depth > 0)
                    links.Add((at, digit));
                if (child == 0)
                {
                    child = (ulong)nodes.Count * 2048;
                    nodes.Add(new ulong[256]);
                }
                at = (int)(nodes[at][digit] / 2048);
            }
        }
        var content = new byte[nodes.Count * 2048];
        for (var i = 0; i < nodes.Count; i++)
        {
            for (var j = 0; j < 256; j++)
                BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan((i * 2048) + (j * 8)), nodes[i][j]);
        }
        // Wild and unaligned pointers on the way to some of the keys.
        for (var i = 0; i < 100; i++)
        {
            var (node, child) = links[random.Next(links.Count)];
            random.NextBytes(content.AsSpan((node * 2048) + (child * 8), 8));
        }
        return content;
    }

    private static void SameLookUps()
    {
        var random = new Random(11);
        var keys = new List<ulong>();
        var path = Guest.Write("radix", RadixTree(random, keys));
        var wanted = new ulong[LookUps];
        for (var i = 0; i < LookUps; i++)
            wanted[i] = random.Next(4) == 0 ? (ulong)random.NextInt64() : keys[random.Next(keys.Count)];
        var outcomes = Kinds.Select(kind => LookUp(path, kind, wanted)).ToArray();
        for (var i = 1; i < outcomes.Length; i++)
        {
            for (var j = 0; j < LookUps; j++)
                Check.Equal(outcomes[0].Results[j], outcomes[i].Results[j], $"{Kinds[i]}: result of look-up {j}");
            Check.That(outcomes[0].Scratch.AsSpan().SequenceEqual(outcomes[i].Scratch), $"{Kinds[i]}: scratch");
        }
        var found = outcomes[0].Results.Count(result => result.IsDone);
        Check.That(found > LookUps / 2 && found < LookUps, $"{found} of {LookUps} ended done");
    }

    private static (ChainResult[] Results, byte[] Scratch) LookUp(string path, EngineKind kind, ulong[] wanted)
    {
        using var file = Open(path, kind);
        Check.Equal(kind, file.Engine.Choice.Kind, "engine");
        var walk = Functions.FromObject("radix_walk");
        var scratch = new byte[LookUps * ScratchBytes];
        var results = new ChainResult[LookUps];
        var requests = new ChainRequest[Batch];
        for (var start = 0; start < LookUps; start += Batch)
        {
            for (var i = 0; i < Batch; i++)
            {
                var memory = scratch.AsMemory((start + i) * ScratchBytes, ScratchBytes);
                BinaryPrimitives.WriteUInt64LittleEndian(memory.Span, wanted[start + i]);
                BinaryPrimitives.WriteUInt32LittleEndian(memory.Span[24..], 4);
                requests[i] = new ChainRequest(file, walk, (long)(wanted[start + i] >> 56) / 64 * 512, 512, memory);
            }
            file.Engine.RunBatch(requests, results.AsSpan(start, Batch));
        }
        return (results, scratch);
    }

    private static void SameStore()
    {
        var path = Path.Combine(Guest.Data, "store.kv");
        File.Delete(path);
        var random = new Random(3);
        var pairs = Enumerable.Range(0, 20_000).Select(i =>
        {
            var (key, value) = (new byte[8], new byte[random.Next(57) + 8]);
            BinaryPrimitives.WriteUInt64BigEndian(key, (ulong)i * 1000);
            random.NextBytes(value);
            return KeyValuePair.Create(key, value);
        }).ToArray();
        KeyValueStore.Create(path, StoreShape.Fixed);
        KeyValueStore.Load(path, pairs, new Fathom.Storage.KeyValue.Loading.LoadOptions());
        byte[]? first = null;
        foreach (var kind in Kinds)
        {
            using var store = KeyValueStore.Open(path, new KeyValueOptions
            {
                Engine = new() { Kind = kind }, Functions = FunctionForm.Bpf, PageCacheBytes = 0, ObjectCacheBytes = 0,
            });
            Check.Equal(kind, store.Engine.Kind, "engine");
            var seen = Read(store, pairs);
            first ??= seen;
            Check.That(first.AsSpan().SequenceEqual(seen), $"{kind}: other bytes");
        }
    }

    /// <summary>What a thousand look-ups, scans and aggregates give, one after the other.</summary>
    private static byte[] Read(KeyValueStore store, KeyValuePair<byte[], byte[]>[] pairs)
    {
        var random = new Random(17);
        var seen = new MemoryStream();
        for (var i = 0; i < 1000; i++)
        {
            var key = pairs[random.Next(pairs.Length)].Key;
            seen.Write(store.Get(key));
        }
        for (var i = 0; i < 30; i++)
        {
            foreach (var (key, value) in store.Range(pairs[random.Next(pairs.Length)].Key, pairsMax: 50))
            {
                seen.Write(key);
                seen.Write(value);
            }
        }
        var start = random.Next(pairs.Length - 500);
        var aggregate = store.Aggregate(pairs[start].Key, pairs[start + 400].Key);
        seen.Write(System.Text.Encoding.ASCII.GetBytes(aggregate.ToString()));
        return seen.ToArray();
    }

    private static async Task SameByEachFace()
    {
        var path = Guest.Write("faces", Chain.Linked(512, 1024, 1536, -1));
        var follow = Functions.Verified(Functions.FollowText, "follow");
        foreach (var kind in Kinds)
        {
            using var file = Open(path, kind);
            var request = new ChainRequest(file, follow, 0, 512, new byte[64]);
            var single = file.Engine.Run(request);
            Check.That(single.IsDone && single.Hops == 4, $"{kind}: {single}");
            var tasks = Enumerable.Range(0, 200).Select(_ => file.Engine.RunAsync(request with { Scratch = new byte[64] }).AsTask()).ToArray();
            foreach (var result in await Task.WhenAll(tasks))
                Check.Equal(single, result, $"{kind}: asynchronous");
        }
    }

    private static async Task Cancelled()
    {
        using var file = Open(Guest.Write("cancelled", Chain.Linked(0)), EngineKind.Kernel);
        var follow = Functions.Verified(Functions.FollowText, "follow");
        using var source = new CancellationTokenSource();
        var limits = new ChainLimits { ReadsMax = 60_000 };
        var running = file.Engine.RunAsync(new ChainRequest(file, follow, 0, 512, new byte[64]) { Cancellation = source.Token, Limits = limits });
        await source.CancelAsync();
        Check.Equal(ChainStatus.Cancelled, (await running).Status, "status");
    }

    private static async Task Closed()
    {
        using var engine = StorageEngine.Start(new StorageEngineOptions { Kind = EngineKind.Kernel });
        var follow = Functions.Verified(Functions.FollowText, "follow");
        var file = engine.Open(Guest.Write("closed", Chain.Linked(0)));
        var limits = new ChainLimits { ReadsMax = 60_000 };
        var running = engine.RunAsync(new ChainRequest(file, follow, 0, 512, new byte[64]) { Limits = limits });
        file.Dispose();
        Check.Equal(ChainStatus.Closed, (await running).Status, "status");
        Check.Equal(ChainStatus.Closed, engine.Run(new ChainRequest(file, follow, 0, 512, new byte[64])).Status, "status afterwards");
    }

    private static void InCSharp()
    {
        using var file = Open(Guest.Write("csharp", Chain.Linked(512, -1)), EngineKind.Kernel);
        var method = StorageFunction.FromDelegate(static (ref context, data, scratch) =>
        {
            var next = BinaryPrimitives.ReadInt64LittleEndian(data);
            if (next < 0)
                context.Done = 1;
            else
                context.Read(0, (ulong)next, 512);
            return 0;
        });
        var program = Functions.Verified(Functions.FollowText, "follow");
        var results = new ChainResult[3];
        file.Engine.RunBatch(
            [new(file, method, 0, 512, new byte[8]), new(file, program, 0, 512, new byte[8]), new(file, method, 512, 512, new byte[8])], results);
        Check.That(results.All(result => result.IsDone), string.Join("; ", results));
        Check.Equal("2, 2, 1", string.Join(", ", results.Select(result => result.Hops)), "hops");
    }

    private static void PicksTheKernel()
    {
        var path = Guest.Write("auto", Chain.Linked(-1));
        using (var file = StorageFile.Open(path))
            Check.Equal(EngineKind.Kernel, file.Engine.Choice.Kind, file.Engine.Choice.Reason);
        File.WriteAllBytes("/tmp/auto", Chain.Linked(-1));
        using (var file = StorageFile.Open("/tmp/auto"))
        {
            Check.Equal(EngineKind.Uring, file.Engine.Choice.Kind, file.Engine.Choice.Reason);
            Check.That(file.Engine.Choice.Reason.Contains("not the kernel", StringComparison.Ordinal), file.Engine.Choice.Reason);
        }
    }

    private static void NamesRefusal()
    {
        using var file = Open(Guest.Write("refused", Chain.Linked(-1)), EngineKind.Kernel);
        // Fathom's verifier takes a program whatever its licence; the kernel does not let it call kfuncs.
        var program = Functions.Assemble(Functions.FollowText, "unfree");
        var unfree = StorageFunction.FromProgram((Bpf.Verification.VerifiedProgram)Bpf.Verification.Verifier.Verify(
            new Bpf.Instructions.BpfProgram("unfree", program.Instructions, program.Maps, program.Kfuncs), Bpf.Verification.ProgramType.StorageFunction));
        try
        {
            file.Engine.Run(new ChainRequest(file, unfree, 0, 512, new byte[64]));
        }
        catch (FunctionLoadException refused)
        {
            Check.That(refused.Message.Contains("GPL", StringComparison.Ordinal), refused.Message);
            return;
        }
        throw new InvalidOperationException("the kernel took it");
    }
}
