using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Storage.Chains;

/// <summary>Finds chains of one batch that were given the same scratch: they would overwrite each other's state.</summary>
internal static class SharedScratch
{
    /// <exception cref="ArgumentException">Two requests share scratch; the message names both.</exception>
    public static void ThrowIfAny(ReadOnlySpan<ChainRequest> requests)
    {
        if (requests.Length < 2 || AreSlicesInOrder(requests))
            return;
        var keys = ArrayPool<ulong>.Shared.Rent(requests.Length);
        var order = ArrayPool<int>.Shared.Rent(requests.Length);
        for (var i = 0; i < requests.Length; i++)
        {
            var (owner, start) = Place(requests[i].Scratch);
            keys[i] = ((ulong)(uint)RuntimeHelpers.GetHashCode(owner) << 32) | (uint)start;
            order[i] = i;
        }
        Array.Sort(keys, order, 0, requests.Length);
        var (first, second) = FindPair(requests, keys, order);
        ArrayPool<ulong>.Shared.Return(keys);
        ArrayPool<int>.Shared.Return(order);
        if (first >= 0)
            throw new ArgumentException($"Chains {int.Min(first, second)} and {int.Max(first, second)} share scratch.", nameof(requests));
    }

    /// <summary>The usual case: one array cut into slices in order.</summary>
    private static bool AreSlicesInOrder(ReadOnlySpan<ChainRequest> requests)
    {
        var (owner, end) = (default(object), 0);
        for (var i = 0; i < requests.Length; i++)
        {
            var scratch = requests[i].Scratch;
            if (scratch.IsEmpty)
                continue;
            var (array, start) = Place(scratch);
            if ((owner is not null && owner != array) || start < end)
                return false;
            (owner, end) = (array, start + scratch.Length);
        }
        return true;
    }

    // Sorted by owner's hash, then by start: whatever overlaps a slice follows it before one that starts behind its end.
    private static (int First, int Second) FindPair(ReadOnlySpan<ChainRequest> requests, ulong[] keys, int[] order)
    {
        for (var i = 0; i < requests.Length; i++)
        {
            var length = requests[order[i]].Scratch.Length;
            for (var j = i + 1; j < requests.Length && keys[j] - keys[i] < (ulong)length; j++)
            {
                if (requests[order[j]].Scratch.Length > 0 && Place(requests[order[i]].Scratch).Owner == Place(requests[order[j]].Scratch).Owner)
                    return (order[i], order[j]);
            }
        }
        return (-1, -1);
    }

    private static (object? Owner, int Start) Place(Memory<byte> memory)
    {
        if (MemoryMarshal.TryGetArray<byte>(memory, out var segment))
            return (segment.Array, segment.Offset);
        return MemoryMarshal.TryGetMemoryManager<byte, MemoryManager<byte>>(memory, out var manager, out var start, out _)
            ? (manager, start)
            : (null, 0);
    }
}
