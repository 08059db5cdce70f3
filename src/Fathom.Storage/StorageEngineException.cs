namespace Fathom.Storage;

/// <summary>An engine that was asked for cannot be had.</summary>
public sealed class StorageEngineException : StorageException
{
    internal StorageEngineException(EngineKind kind, string reason)
        : base($"The {kind} engine cannot be used: {reason}")
    {
        Kind = kind;
        Reason = reason;
    }

    /// <summary>The engine that was asked for.</summary>
    public EngineKind Kind { get; }

    /// <summary>Why the system refused.</summary>
    public string Reason { get; }
}
