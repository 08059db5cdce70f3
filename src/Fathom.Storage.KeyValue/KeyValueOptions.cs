using Fathom.Storage.KeyValue.Format;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Storage.KeyValue;

/// <summary>When a write counts as done.</summary>
public enum Durability
{
    /// <summary>When it is on the drive: every commit is flushed, those that come together by one flush.</summary>
    Commit,

    /// <summary>When the system has it; flushed every <see cref="KeyValueOptions.FlushInterval"/>. Killing the process loses nothing, losing power the last interval.</summary>
    Interval,

    /// <summary>When the system has it; flushed with checkpoints. Killing the process loses nothing.</summary>
    None,
}

/// <summary>Which form of the storage functions look-ups run; the results are the same.</summary>
public enum FunctionForm
{
    /// <summary>Methods in C#.</summary>
    CSharp,

    /// <summary>The programs built from BPF C, verified when the store is opened and compiled to .NET IL. There are all three for fixed keys, the point look-up for variable keys in pages of 4 KiB; the rest is as <see cref="CSharp"/>.</summary>
    Bpf,

    /// <summary>As <see cref="Bpf"/>, by the interpreter.</summary>
    InterpretedBpf,
}

/// <summary>How a store is opened. Nothing here is written to the file.</summary>
public sealed record KeyValueOptions
{
    /// <summary>The engine that runs look-ups.</summary>
    public StorageEngineOptions Engine { get; init; } = new();

    /// <summary>Which form of the functions.</summary>
    public FunctionForm Functions { get; init; }

    /// <summary>Whether reads and writes of the store's file pass the page cache by, where the file system can.</summary>
    public bool Direct { get; init; } = true;

    /// <summary>When a write counts as done.</summary>
    public Durability Durability { get; init; } = Durability.Commit;

    /// <summary>Time between flushes with <see cref="Durability.Interval"/>.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Bytes of writes that are gathered in memory before they are merged into the tree; twice as much may be in memory while a merge runs.</summary>
    public long MemoryTableBytes { get; init; } = 32 << 20;

    /// <summary>Bytes of pages kept in memory.</summary>
    public long PageCacheBytes { get; init; } = 32 << 20;

    /// <summary>Bytes of values kept in memory.</summary>
    public long ObjectCacheBytes { get; init; } = 32 << 20;

    /// <summary>Clock of the flush interval.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where merges and recoveries are logged.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>What a new store is, for good.</summary>
/// <param name="Kind">Kind of keys.</param>
/// <param name="PageBytes">Page size; 512 for fixed keys, a power of two from 4096 to 65536 otherwise.</param>
public readonly record struct StoreShape(KeyKind Kind, int PageBytes)
{
    /// <summary>8-byte keys in pages of 512 bytes.</summary>
    public static readonly StoreShape Fixed = new(KeyKind.Fixed, StoreHeader.FixedPageBytes);

    /// <summary>Keys of 1 to 512 bytes in pages of 4 KiB.</summary>
    public static readonly StoreShape Variable = new(KeyKind.Variable, 4096);
}
