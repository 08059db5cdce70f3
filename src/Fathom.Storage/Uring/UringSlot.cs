namespace Fathom.Storage.Uring;

/// <summary>A read that is with the kernel, by the number that its entry carries.</summary>
internal struct UringSlot
{
    /// <summary>The chain that waits for it; null when the chain has ended and only the block is still to be had back.</summary>
    public UringSeat? Seat;

    /// <summary>The chain's own number for it.</summary>
    public uint Sequence;

    /// <summary>Where the data goes.</summary>
    public nint Block;

    /// <summary>File offset.</summary>
    public ulong OffsetBytes;

    /// <summary>Bytes asked for.</summary>
    public uint SizeBytes;

    /// <summary>Place in the ring's table of files, or -1.</summary>
    public int FileIndex;

    /// <summary>The file's descriptor.</summary>
    public int Descriptor;

    /// <summary>Times that the kernel asked for it to be given again.</summary>
    public int Retries;
}
