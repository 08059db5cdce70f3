namespace Fathom.Storage;

/// <summary>Bounds of one chain. A value of 0 stands for the default, so that <c>default</c> is bounded too.</summary>
public readonly record struct ChainLimits
{
    /// <summary>Reads when <see cref="ReadsMax"/> is 0.</summary>
    public const int DefaultReadsMax = 1024;

    /// <summary>Bytes when <see cref="BytesMax"/> is 0.</summary>
    public const long DefaultBytesMax = 64L << 20;

    /// <summary>Time when <see cref="Deadline"/> is zero.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(30);

    /// <summary>Most reads (hops) of the chain, the first one included.</summary>
    public int ReadsMax { get; init; }

    /// <summary>Most bytes that the chain may ask to read.</summary>
    public long BytesMax { get; init; }

    /// <summary>Time from the start of the call; <see cref="Timeout.InfiniteTimeSpan"/> for none.</summary>
    public TimeSpan Deadline { get; init; }
}
