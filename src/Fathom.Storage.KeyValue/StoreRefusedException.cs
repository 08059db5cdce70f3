namespace Fathom.Storage.KeyValue;

/// <summary>Why a store refused.</summary>
public enum StoreRefusal
{
    /// <summary>There is a file already where a store is to be created.</summary>
    Exists,

    /// <summary>There is no such file.</summary>
    Missing,

    /// <summary>Another process, or another instance, has it open.</summary>
    InUse,

    /// <summary>The key's length is not allowed.</summary>
    Key,

    /// <summary>The value is too long.</summary>
    Value,

    /// <summary>Values that are not numbers were to be aggregated.</summary>
    Aggregate,

    /// <summary>Bulk load needs an empty store.</summary>
    NotEmpty,

    /// <summary>A write to the files failed; the store takes no more of them until it is opened again.</summary>
    Failed,
}

/// <summary>A store cannot do what it was asked for.</summary>
public sealed class StoreRefusedException : KeyValueException
{
    internal StoreRefusedException(string path, StoreRefusal refusal, string problem, Exception? inner = null)
        : base($"{path}: {problem}.", inner)
    {
        Path = path;
        Refusal = refusal;
    }

    /// <summary>The store's file.</summary>
    public string Path { get; }

    /// <summary>Why.</summary>
    public StoreRefusal Refusal { get; }
}
