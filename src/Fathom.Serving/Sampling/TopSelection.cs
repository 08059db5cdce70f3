using System.Numerics;
using System.Runtime.InteropServices;

namespace Fathom.Serving.Sampling;

/// <summary>Finds the largest entries of a row without sorting it. Ties go to the lower index.</summary>
internal static class TopSelection
{
    /// <summary>Indices of the largest values.</summary>
    /// <param name="row">Values; NaN is never picked.</param>
    /// <param name="indices">As many as are wanted, at least 1; on return the largest, in no order.</param>
    /// <returns>How many were found: fewer than wanted when the row is shorter.</returns>
    /// <remarks>A heap of the best so far, its worst at the root; whole vectors that cannot beat the root are skipped.</remarks>
    public static int Largest(ReadOnlySpan<float> row, Span<int> indices)
    {
        int count = 0;
        int i = 0;
        for (; i < row.Length && count < indices.Length; i++)
        {
            if (float.IsNaN(row[i]))
                continue;
            indices[count++] = i;
            SiftUp(row, indices, count - 1);
        }

        if (count < indices.Length)
            return count;
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(row[i..]);
        var root = new Vector<float>(row[indices[0]]);
        for (int v = 0; v < vectors.Length; v++, i += Vector<float>.Count)
        {
            if (!Vector.GreaterThanAny(vectors[v], root))
                continue;
            for (int lane = 0; lane < Vector<float>.Count; lane++)
                Offer(row, indices, i + lane);
            root = new Vector<float>(row[indices[0]]);
        }

        for (; i < row.Length; i++)
            Offer(row, indices, i);
        return count;
    }

    /// <summary>Moves entries so that those with the smallest keys, as few as reach the mass, come first.</summary>
    /// <param name="keys">Order, smallest first; ties go to the lower id.</param>
    /// <param name="weights">Weight of each entry; moved along.</param>
    /// <param name="ids">Id of each entry, all different; moved along.</param>
    /// <param name="mass">What the weights are to reach.</param>
    /// <returns>How many entries that takes; all if the mass is never reached.</returns>
    /// <remarks>Quickselect by mass: linear on average.</remarks>
    public static int SmallestToMass(Span<float> keys, Span<float> weights, Span<int> ids, double mass)
    {
        int low = 0, high = keys.Length;
        double reached = 0;
        while (low < high)
        {
            int middle = Partition(keys, weights, ids, low, high);
            double left = 0;
            for (int i = low; i < middle; i++)
                left += weights[i];
            if (middle > low && reached + left >= mass)
            {
                high = middle;
                continue;
            }

            reached += left + weights[middle];
            if (reached >= mass)
                return middle + 1;
            low = middle + 1;
        }

        return low;
    }

    /// <summary>Partitions [low, high) around a median of three and returns where that one ended up.</summary>
    private static int Partition(Span<float> keys, Span<float> weights, Span<int> ids, int low, int high)
    {
        int last = high - 1, middle = low + ((high - low) / 2);
        if (IsBefore(keys, ids, middle, low))
            Swap(keys, weights, ids, middle, low);
        if (IsBefore(keys, ids, last, middle))
            Swap(keys, weights, ids, last, middle);
        if (IsBefore(keys, ids, middle, low))
            Swap(keys, weights, ids, middle, low);
        Swap(keys, weights, ids, middle, last);
        int place = low;
        for (int i = low; i < last; i++)
        {
            if (IsBefore(keys, ids, i, last))
                Swap(keys, weights, ids, i, place++);
        }

        Swap(keys, weights, ids, place, last);
        return place;
    }

    private static bool IsBefore(Span<float> keys, Span<int> ids, int left, int right) =>
        keys[left] < keys[right] || (keys[left] == keys[right] && ids[left] < ids[right]);

    private static void Swap(Span<float> keys, Span<float> weights, Span<int> ids, int left, int right)
    {
        (keys[left], keys[right]) = (keys[right], keys[left]);
        (weights[left], weights[right]) = (weights[right], weights[left]);
        (ids[left], ids[right]) = (ids[right], ids[left]);
    }

    private static void Offer(ReadOnlySpan<float> row, Span<int> heap, int index)
    {
        // Indices come in rising order, so an equal value loses to those that are in.
        if (!(row[index] > row[heap[0]]))
            return;
        heap[0] = index;
        int parent = 0;
        while ((2 * parent) + 1 is var child && child < heap.Length)
        {
            if (child + 1 < heap.Length && IsWorse(row, heap[child + 1], heap[child]))
                child++;
            if (!IsWorse(row, heap[child], heap[parent]))
                return;
            (heap[child], heap[parent]) = (heap[parent], heap[child]);
            parent = child;
        }
    }

    private static void SiftUp(ReadOnlySpan<float> row, Span<int> heap, int child)
    {
        while (child > 0 && (child - 1) / 2 is var parent && IsWorse(row, heap[child], heap[parent]))
        {
            (heap[child], heap[parent]) = (heap[parent], heap[child]);
            child = parent;
        }
    }

    private static bool IsWorse(ReadOnlySpan<float> row, int left, int right) =>
        row[left] < row[right] || (row[left] == row[right] && left > right);
}
