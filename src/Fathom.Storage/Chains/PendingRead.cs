namespace Fathom.Storage.Chains;

/// <summary>A read that a chain asked for.</summary>
internal struct PendingRead
{
    /// <summary>File offset.</summary>
    public ulong OffsetBytes;

    /// <summary>Bytes asked for.</summary>
    public uint SizeBytes;

    /// <summary>Bytes that the file had there when the read was asked for; fewer than asked for only at its end.</summary>
    public uint ExpectedBytes;

    /// <summary>Bytes read, or a negated errno.</summary>
    public int Outcome;

    /// <summary>Whether <see cref="Outcome"/> and <see cref="Block"/> are set.</summary>
    public bool IsComplete;

    /// <summary>Where the engine put the data.</summary>
    public nint Block;
}
