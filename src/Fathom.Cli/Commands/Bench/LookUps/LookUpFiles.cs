using Fathom.Storage;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>One index file opened as each method wants it.</summary>
internal sealed class LookUpFiles : IDisposable
{
    public const string StorageFunctions = "storage_function";
    public const string Pread = "pread";
    public const string ReadAsync = "read_async";

    private readonly StorageFile _rings;
    private readonly StorageFile _threads;
    private readonly SafeFileHandle _plain;
    private readonly StorageFunction _compiled = LookUpFunction.Compile();
    private readonly StorageFunction _method = LookUpFunction.InCSharp();

    public LookUpFiles(string path, bool isCached, int inFlight, int threads)
    {
        var direct = isCached ? DirectReads.Never : DirectReads.Require;
        var options = new StorageFileOptions { Direct = direct };
        _rings = StorageFile.Open(path, options with { Engine = new() { Kind = EngineKind.Auto, ChainsMax = int.Max(1, inFlight / threads) } });
        _threads = StorageFile.Open(path, options with { Engine = new() { Kind = EngineKind.Threads, ChainsMax = inFlight, Threads = inFlight } });
        _plain = DirectFile.Open(path, isCached);
    }

    public bool IsDirect => _rings.IsDirect;

    public string Description => _rings.Engine.Choice.Reason;

    /// <summary>The methods to compare.</summary>
    public List<(string Name, Func<LookUpMethod> Create)> Methods(LookUpIndex index, int inFlight, int threads) =>
    [
        (StorageFunctions, () => new ChainMethod(StorageFunctions, index, _rings, _compiled, threads)),
        ("storage_csharp", () => new ChainMethod("storage_csharp", index, _rings, _method, threads)),
        (Pread, () => new BlockingMethod(index, _plain, inFlight)),
        (ReadAsync, () => new AsyncMethod(index, _plain, inFlight)),
        ("storage_threads", () => new ChainMethod("storage_threads", index, _threads, _compiled, 1)),
    ];

    public void Dispose()
    {
        _rings.Dispose();
        _threads.Dispose();
        _plain.Dispose();
    }
}
