using Fathom.FarMemory.Containers;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace FarKeyValue;

/// <summary>Values by number, in a heap that holds most of them in far memory.</summary>
/// <remarks>
/// Any thread may call any member. The table of keys is small and stays local by being used; a value is an object of its own, so that it
/// comes and goes alone with its neighbours in its span. A stripe's lock keeps readers of a value from its replacement.
/// </remarks>
internal sealed class KeyValueService(FarHeap heap) : IDisposable
{
    private readonly Lock[] _stripes = [.. Enumerable.Range(0, 256).Select(_ => new Lock())];
    private readonly FarDictionary<long, RemoteBytes> _values = new(heap);

    public long Count => _values.Count;

    public void Put(long key, ReadOnlySpan<byte> value)
    {
        lock (StripeOf(key))
        {
            if (_values.TryGet(key, out var there))
            {
                using (var scope = heap.EnterScope())
                {
                    if (there.Deref(scope) is var room && room.Length == value.Length)
                    {
                        value.CopyTo(room);
                        return;
                    }
                }
                _values.Set(key, heap.AllocateBytes(value));
                heap.Free(there);
                return;
            }
            _values.Set(key, heap.AllocateBytes(value));
        }
    }

    public bool TryGet(long key, Span<byte> value, out int lengthBytes)
    {
        lock (StripeOf(key))
        {
            if (!_values.TryGet(key, out var there))
            {
                lengthBytes = 0;
                return false;
            }
            using var scope = heap.EnterScope();
            var bytes = there.Deref(scope);
            bytes.CopyTo(value);
            lengthBytes = bytes.Length;
            return true;
        }
    }

    public void Dispose() => _values.Dispose();

    private Lock StripeOf(long key) => _stripes[(int)((ulong)key % (ulong)_stripes.Length)];
}
