namespace Fathom.Storage.KeyValue;

/// <summary>Base of every error this library reports about a store's files and about what a caller asks of them.</summary>
public abstract class KeyValueException : Exception
{
    /// <summary>An error with a one-line message that names the file and what is wrong with it.</summary>
    protected KeyValueException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
