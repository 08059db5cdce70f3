namespace Fathom.Storage.KeyValue;

/// <summary>The system, or the engine, did not read what a store asked for.</summary>
public sealed class StoreReadException : KeyValueException
{
    internal StoreReadException(string path, in ChainResult result)
        : base($"{path}: cannot read: {result}.", result.Exception)
    {
        Path = path;
        Result = result;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>How the chain ended.</summary>
    public ChainResult Result { get; }
}
