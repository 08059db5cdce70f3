namespace Fathom.Storage.KeyValue;

/// <summary>Writes to commit as one.</summary>
/// <remarks>One thread's until it is written.</remarks>
public sealed class WriteBatch
{
    internal List<(byte[] Key, byte[]? Value)> Writes { get; } = [];

    /// <summary>Writes in it.</summary>
    public int Count => Writes.Count;

    /// <summary>Sets a key.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Writes.Add((key.ToArray(), value.ToArray()));

    /// <summary>Deletes a key.</summary>
    public void Delete(ReadOnlySpan<byte> key) => Writes.Add((key.ToArray(), null));

    /// <summary>Forgets the writes.</summary>
    public void Clear() => Writes.Clear();
}
