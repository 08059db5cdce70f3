namespace Fathom.Storage.KeyValue.Loading;

/// <summary>Sorts pairs that may not fit into memory: runs in files, merged; of equal keys the last that came counts.</summary>
/// <remarks>One thread's; its files go when it is disposed.</remarks>
/// <param name="basePath">Runs are files beside it.</param>
/// <param name="memoryBytes">Bytes sorted at a time.</param>
internal sealed class SortedRuns(string basePath, long memoryBytes) : IDisposable
{
    private const int PairOverheadBytes = 96;

    private readonly List<string> _files = [];
    private readonly List<KeyValuePair<byte[], byte[]>> _pairs = [];
    private long _bytes;

    /// <summary>Adds a pair.</summary>
    public void Add(KeyValuePair<byte[], byte[]> pair)
    {
        _pairs.Add(pair);
        _bytes += pair.Key.Length + pair.Value.Length + PairOverheadBytes;
        if (_bytes >= memoryBytes)
            Spill();
    }

    /// <summary>All pairs, keys rising and different.</summary>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Merge()
    {
        if (_files.Count == 0)
        {
            foreach (var index in SortedOrder())
                yield return _pairs[index];
            yield break;
        }
        if (_pairs.Count > 0)
            Spill();
        var readers = new List<RunFileReader>();
        try
        {
            var heads = new PriorityQueue<int, (byte[] Key, int Run)>(Comparer<(byte[] Key, int Run)>.Create(static (a, b) =>
            {
                var order = a.Key.AsSpan().SequenceCompareTo(b.Key);
                // Of equal keys the newest run comes first; the others are passed over.
                return order != 0 ? order : b.Run.CompareTo(a.Run);
            }));
            foreach (var file in _files)
            {
                readers.Add(new RunFileReader(file));
                if (readers[^1].TryRead())
                    heads.Enqueue(readers.Count - 1, (readers[^1].Current.Key, readers.Count - 1));
            }
            byte[]? last = null;
            while (heads.TryDequeue(out var run, out _))
            {
                var pair = readers[run].Current;
                if (last is null || !last.AsSpan().SequenceEqual(pair.Key))
                    yield return pair;
                last = pair.Key;
                if (readers[run].TryRead())
                    heads.Enqueue(run, (readers[run].Current.Key, run));
            }
        }
        finally
        {
            foreach (var reader in readers)
                reader.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files)
            File.Delete(file);
    }

    private void Spill()
    {
        var path = $"{basePath}.run.{_files.Count}";
        _files.Add(path);
        using var writer = new BinaryWriter(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20));
        foreach (var index in SortedOrder())
        {
            var (key, value) = _pairs[index];
            writer.Write((ushort)key.Length);
            writer.Write(value.Length);
            writer.Write(key);
            writer.Write(value);
        }
        _pairs.Clear();
        _bytes = 0;
    }

    private List<int> SortedOrder()
    {
        var order = Enumerable.Range(0, _pairs.Count).ToArray();
        Array.Sort(order, (a, b) =>
        {
            var byKey = _pairs[a].Key.AsSpan().SequenceCompareTo(_pairs[b].Key);
            return byKey != 0 ? byKey : a.CompareTo(b);
        });
        var kept = new List<int>(order.Length);
        foreach (var index in order)
        {
            if (kept.Count > 0 && _pairs[kept[^1]].Key.AsSpan().SequenceEqual(_pairs[index].Key))
                kept[^1] = index;
            else
                kept.Add(index);
        }
        return kept;
    }

    private sealed class RunFileReader(string path) : IDisposable
    {
        private readonly BinaryReader _reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20));

        public KeyValuePair<byte[], byte[]> Current { get; private set; }

        public bool TryRead()
        {
            if (_reader.BaseStream.Position == _reader.BaseStream.Length)
                return false;
            var keyBytes = _reader.ReadUInt16();
            var valueBytes = _reader.ReadInt32();
            Current = new KeyValuePair<byte[], byte[]>(_reader.ReadBytes(keyBytes), _reader.ReadBytes(valueBytes));
            return true;
        }

        public void Dispose() => _reader.Dispose();
    }
}
