namespace Fathom.Storage;

/// <summary>Base of every error this library reports about what lies outside it: a file, its index, the functions that run over it.</summary>
public abstract class StorageException : Exception
{
    /// <summary>An error with a one-line message that names what failed.</summary>
    protected StorageException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
