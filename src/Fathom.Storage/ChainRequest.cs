namespace Fathom.Storage;

/// <summary>A chain of reads to run: the file, the function that runs after each read, and the first read.</summary>
/// <param name="File">File that is read; must belong to the engine that runs the chain.</param>
/// <param name="Function">Runs when a read completes.</param>
/// <param name="OffsetBytes">File offset of the first read.</param>
/// <param name="SizeBytes">Bytes of the first read.</param>
/// <param name="Scratch">
/// The chain's own memory: arguments in, results out, at most <see cref="ScratchBytesMax"/>. It belongs to the chain until its
/// result is there; chains that run at the same time must not share it.
/// </param>
public readonly record struct ChainRequest(
    StorageFile File, StorageFunction Function, long OffsetBytes, int SizeBytes, Memory<byte> Scratch)
{
    /// <summary>Smallest read.</summary>
    public const int ReadBytesMin = 512;

    /// <summary>Largest read.</summary>
    public const int ReadBytesMax = 64 << 10;

    /// <summary>Largest scratch.</summary>
    public const int ScratchBytesMax = 1 << 20;

    /// <summary>Bounds of the chain; <c>default</c> takes <see cref="ChainLimits"/>' own.</summary>
    public ChainLimits Limits { get; init; }

    /// <summary>Ends the chain as <see cref="ChainStatus.Cancelled"/>; looked at before each step and while reads are waited for.</summary>
    public CancellationToken Cancellation { get; init; }
}
