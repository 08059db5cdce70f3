namespace Fathom.Storage;

/// <summary>Which engine runs chains.</summary>
public enum EngineKind
{
    /// <summary>
    /// The best that works: for a file that is opened with an engine of its own, the kernel where the module is and takes the file; else
    /// io_uring where the kernel gives it; else threads.
    /// </summary>
    Auto,

    /// <summary>Steps in the kernel, by the module of docs/kernel-module.md.</summary>
    Kernel,

    /// <summary>io_uring over raw system calls.</summary>
    Uring,

    /// <summary>Blocking reads on threads; every system.</summary>
    Threads,
}

/// <summary>The engine in use and why.</summary>
/// <param name="Kind">Never <see cref="EngineKind.Auto"/>.</param>
/// <param name="Reason">One line: what was found, or what was refused.</param>
public readonly record struct EngineChoice(EngineKind Kind, string Reason);

/// <summary>How an engine is set up.</summary>
public sealed record StorageEngineOptions
{
    /// <summary>Which engine; anything but <see cref="EngineKind.Auto"/> is that one or an error.</summary>
    public EngineKind Kind { get; init; }

    /// <summary>Chains that one ring, or the threads together, have in flight; further ones wait.</summary>
    public int ChainsMax { get; init; } = 64;

    /// <summary>Threads of the thread engine beside the callers'; they start when there is work for them.</summary>
    public int Threads { get; init; } = 16;

    /// <summary>Rings of the io_uring engine at most: each blocking caller thread has its own, asynchronous callers share one.</summary>
    public int RingsMax { get; init; } = 16;

    /// <summary>Bytes for blocks that one ring has in flight; a multiple of 64 KiB, at least two.</summary>
    public int RingBufferBytes { get; init; } = 2 << 20;

    /// <summary>Clock of deadlines.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
