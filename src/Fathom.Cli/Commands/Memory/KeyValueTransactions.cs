using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Containers;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.Cli.Commands.Memory;

/// <summary>
/// Transactions on a key-value store: a B-tree finds the values, three of them are read whole and three are written whole, under
/// the locks of all six. Keys follow Zipf's law.
/// </summary>
internal sealed class KeyValueTransactions(long keys, int valueBytes, double zipf) : IMemoryAccesses
{
    private const int Reads = 3;
    private const int Writes = 3;
    private const int Locks = 1024;

    private readonly ZipfIndexes _indexes = new(keys, zipf);
    private readonly Lock[] _locks = [.. Enumerable.Range(0, Locks).Select(_ => new Lock())];
    private FarHeap _heap = null!;
    private FarBTree<long, RemoteBytes> _values = null!;

    public void Fill(FarHeap heap, CancellationToken cancellation)
    {
        _heap = heap;
        _values = new FarBTree<long, RemoteBytes>(heap);
        for (long key = 0; key < keys; key++)
        {
            if (key % 4096 == 0)
                cancellation.ThrowIfCancellationRequested();
            var value = heap.AllocateBytes(valueBytes);
            using (var scope = heap.EnterScope())
                Write(value.Deref(scope), key, 0);
            _values.Set(key, value);
        }
    }

    public void Run(Random random)
    {
        Span<long> chosen = stackalloc long[Reads + Writes];
        foreach (ref var key in chosen)
            key = _indexes.Next(random);
        Span<int> locks = stackalloc int[chosen.Length];
        for (var i = 0; i < chosen.Length; i++)
            locks[i] = (int)(chosen[i] % Locks);
        // In one order for everybody: no two transactions wait for each other.
        locks.Sort();
        var held = 0;
        try
        {
            for (; held < locks.Length; held++)
                _locks[locks[held]].Enter();
            foreach (var key in chosen[..Reads])
                Check(key);
            foreach (var key in chosen[Reads..])
                Update(key);
        }
        finally
        {
            while (held > 0)
                _locks[locks[--held]].Exit();
        }
    }

    public void Dispose() => _values?.Dispose();

    private void Check(long key)
    {
        var value = Find(key);
        using var scope = _heap.EnterScope();
        var words = MemoryMarshal.Cast<byte, long>(value.Deref(scope));
        if (words[0] != key || words[2..].IndexOfAnyExcept(words[1]) >= 0)
            throw new CommandException($"The value of key {key} is wrong.");
    }

    private void Update(long key)
    {
        var value = Find(key);
        using var scope = _heap.EnterScope();
        var bytes = value.Deref(scope);
        Write(bytes, key, MemoryMarshal.Cast<byte, long>(bytes)[1] + 1);
    }

    private RemoteBytes Find(long key) => _values.TryGet(key, out var value) ? value : throw new CommandException($"Key {key} is gone.");

    private static void Write(Span<byte> bytes, long key, long content)
    {
        var words = MemoryMarshal.Cast<byte, long>(bytes);
        words.Fill(content);
        words[0] = key;
    }
}
