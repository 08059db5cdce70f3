namespace Fathom.Storage;

/// <summary>A chain that had to finish did not.</summary>
public sealed class ChainException : StorageException
{
    internal ChainException(in ChainResult result)
        : base($"Chain failed: {result}.", result.Exception) => Result = result;

    /// <summary>How it ended.</summary>
    public ChainResult Result { get; }
}
