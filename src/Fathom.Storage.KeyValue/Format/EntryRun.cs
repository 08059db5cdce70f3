using System.Runtime.InteropServices;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>Keys in order, each with the extent it leads to, on their way into pages.</summary>
/// <remarks>One thread's; keeps its memory when cleared.</remarks>
internal sealed class EntryRun
{
    private readonly List<(int Start, int Bytes, ExtentPointer Pointer)> _entries = [];
    private byte[] _keys = new byte[4096];
    private int _keyBytes;

    /// <summary>Entries.</summary>
    public int Count => _entries.Count;

    /// <summary>Key <paramref name="index"/>; gone when the run grows.</summary>
    public ReadOnlySpan<byte> Key(int index)
    {
        var entry = _entries[index];
        return _keys.AsSpan(entry.Start, entry.Bytes);
    }

    /// <summary>Where entry <paramref name="index"/> leads.</summary>
    public ExtentPointer Pointer(int index) => _entries[index].Pointer;

    /// <summary>Adds an entry whose key is above the last one.</summary>
    public void Add(ReadOnlySpan<byte> key, ExtentPointer pointer)
    {
        if (_keys.Length - _keyBytes < key.Length)
            Array.Resize(ref _keys, Math.Max(_keys.Length * 2, _keyBytes + key.Length));
        key.CopyTo(_keys.AsSpan(_keyBytes));
        _entries.Add((_keyBytes, key.Length, pointer));
        _keyBytes += key.Length;
    }

    /// <summary>Adds an entry of a page.</summary>
    public void Add(PageView page, int index)
    {
        Span<byte> key = stackalloc byte[KeyOrder.KeyBytesMax];
        Add(key[..page.CopyKey(index, key)], page.Pointer(index));
    }

    /// <summary>Replaces where an entry leads.</summary>
    public void SetPointer(int index, ExtentPointer pointer) => CollectionsMarshal.AsSpan(_entries)[index].Pointer = pointer;

    /// <summary>Forgets the entries.</summary>
    public void Clear()
    {
        _entries.Clear();
        _keyBytes = 0;
    }
}
