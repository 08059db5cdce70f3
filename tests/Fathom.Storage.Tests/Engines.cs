namespace Fathom.Storage.Tests;

/// <summary>The engines that every test of semantics runs over, and functions that many tests use.</summary>
internal static class Engines
{
    public static TheoryData<EngineKind> All => [EngineKind.Threads, EngineKind.Uring];

    /// <summary>Follows the offsets of <see cref="TestFile.CreateLinked(ReadOnlySpan{long})"/> and counts blocks in the first scratch byte, if there is one.</summary>
    public static StorageFunction Follow { get; } = StorageFunction.FromDelegate(static (ref context, data, scratch) =>
    {
        if (scratch.Length > 0)
            scratch[0]++;
        var next = BitConverter.ToInt64(data);
        if (next == -1)
            context.Done = 1;
        else
            context.Read(0, (ulong)next, context.Size);
        return 0;
    }, nameof(Follow));

    public static StorageEngineOptions Options(EngineKind kind) => new() { Kind = kind, Threads = 4, RingBufferBytes = 1 << 20 };

    public static StorageEngine Start(EngineKind kind, Func<StorageEngineOptions, StorageEngineOptions>? change = null)
    {
        var options = Options(kind);
        try
        {
            return StorageEngine.Start(change is null ? options : change(options));
        }
        catch (StorageEngineException refused) when (kind == EngineKind.Uring)
        {
            Skip.If(true, refused.Message);
            throw;
        }
    }

    public static StorageFunction Function(StorageStep step) => StorageFunction.FromDelegate(step);

    /// <summary>Runs one chain by each face of the engine, which must agree, and gives back its result.</summary>
    public static async Task<ChainResult> RunEachWayAsync(StorageEngine engine, ChainRequest request)
    {
        var results = new ChainResult[3];
        results[0] = engine.Run(request);
        engine.RunBatch([request with { Scratch = new byte[request.Scratch.Length] }], results.AsSpan(1));
        results[2] = await engine.RunAsync(request with { Scratch = new byte[request.Scratch.Length] });
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
        return results[0];
    }
}
