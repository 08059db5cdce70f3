namespace Fathom.FarMemory.Heap;

/// <summary>How a heap is built. Checked when the heap is made.</summary>
public sealed record FarHeapOptions
{
    /// <summary>Smallest local memory a heap works with.</summary>
    public const long LocalMemoryBytesMin = 1 << 20;

    /// <summary>Bytes of local memory; objects beyond them live far. At least 1 MiB, at most 1 TiB.</summary>
    public required long LocalMemoryBytes { get; init; }

    /// <summary>Threads that look for cold spans.</summary>
    public int FilteringThreads { get; init; } = 1;

    /// <summary>Threads that send them away.</summary>
    public int EvictionThreads { get; init; } = 1;

    /// <summary>Threads that serve <c>Prefetch</c> and <c>DerefAsync</c>.</summary>
    public int SwapInThreads { get; init; } = 2;

    /// <summary>Longest wait for room in local memory, and for other readers of a span.</summary>
    public TimeSpan RoomTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bound of one read from far memory.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bound of one write to far memory.</summary>
    public TimeSpan EvictionTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long background threads wait for open scopes before they work around them.</summary>
    public TimeSpan ScopePatience { get; init; } = TimeSpan.FromMilliseconds(0.2);

    /// <summary>Age from which the watchdog counts and logs a scope.</summary>
    public TimeSpan LongScope { get; init; } = TimeSpan.FromSeconds(1);

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(LocalMemoryBytes, LocalMemoryBytesMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(LocalMemoryBytes, 1L << 40);
        CheckThreads(FilteringThreads, nameof(FilteringThreads));
        CheckThreads(EvictionThreads, nameof(EvictionThreads));
        CheckThreads(SwapInThreads, nameof(SwapInThreads));
        CheckTime(RoomTimeout, nameof(RoomTimeout));
        CheckTime(ReadTimeout, nameof(ReadTimeout));
        CheckTime(EvictionTimeout, nameof(EvictionTimeout));
        CheckTime(ScopePatience, nameof(ScopePatience));
        CheckTime(LongScope, nameof(LongScope));
    }

    private static void CheckThreads(int threads, string name)
    {
        if (threads is < 1 or > 64)
            throw new ArgumentOutOfRangeException(name, threads, "1 to 64 threads.");
    }

    private static void CheckTime(TimeSpan time, string name)
    {
        if (time <= TimeSpan.Zero || time > TimeSpan.FromHours(1))
            throw new ArgumentOutOfRangeException(name, time, "Above zero, at most an hour.");
    }
}
