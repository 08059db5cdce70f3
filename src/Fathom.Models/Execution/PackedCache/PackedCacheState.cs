namespace Fathom.Models.Execution.PackedCache;

/// <summary>What became of the file of packed weights beside a model.</summary>
public enum PackedCacheState
{
    /// <summary>It was not asked for, or the model is a folder.</summary>
    Off,

    /// <summary>It was there and is in use.</summary>
    Mapped,

    /// <summary>It was absent or did not fit the model, and has been written for the next start.</summary>
    Written,

    /// <summary>It was absent or did not fit the model, and could not be written.</summary>
    Unwritable,
}
