using Fathom.FarMemory.Heap;

namespace Fathom.FarMemory.Swap;

/// <summary>Spans that wait for eviction, by length: only spans of one length make a set.</summary>
/// <remarks>Any thread may call any member; one monitor guards it. Bounded by the filtering threads, which stop at a full queue.</remarks>
internal sealed class ColdSpans(int capacity)
{
    private readonly object _lock = new();
    private readonly Dictionary<int, Queue<LocalSpan>> _byPages = [];
    private int _count;

    public bool IsFull => Volatile.Read(ref _count) >= capacity;

    public int Count => Volatile.Read(ref _count);

    public void Add(LocalSpan span)
    {
        lock (_lock)
        {
            if (!_byPages.TryGetValue(span.Pages, out var queue))
                _byPages.Add(span.Pages, queue = new Queue<LocalSpan>());
            queue.Enqueue(span);
            _count++;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until the queue has room for more, at most for a time.</summary>
    public void WaitForRoom(TimeSpan wait)
    {
        lock (_lock)
        {
            if (_count >= capacity)
                Monitor.Wait(_lock, wait);
        }
    }

    /// <summary>Takes spans for whole sets; when no set is full by the end of the wait, what there is of one length.</summary>
    /// <param name="setSpans">Spans of a full set.</param>
    /// <param name="spansMax">Most spans to take.</param>
    /// <param name="wait">How long to wait for a full set.</param>
    /// <param name="taken">Receives the spans, those of one length together.</param>
    public void Take(int setSpans, int spansMax, TimeSpan wait, List<LocalSpan> taken)
    {
        taken.Clear();
        lock (_lock)
        {
            if (!HasFullSet(setSpans))
                Monitor.Wait(_lock, wait);
            foreach (var queue in _byPages.Values)
            {
                while (queue.Count >= setSpans && taken.Count + setSpans <= spansMax)
                    TakeFrom(queue, setSpans, taken);
            }
            if (taken.Count == 0 && Longest() is { Count: > 0 } longest)
                TakeFrom(longest, Math.Min(longest.Count, setSpans), taken);
            _count -= taken.Count;
            Monitor.PulseAll(_lock);
        }
    }

    private bool HasFullSet(int setSpans)
    {
        foreach (var queue in _byPages.Values)
        {
            if (queue.Count >= setSpans)
                return true;
        }
        return false;
    }

    private Queue<LocalSpan>? Longest()
    {
        Queue<LocalSpan>? longest = null;
        foreach (var queue in _byPages.Values)
        {
            if (longest is null || queue.Count > longest.Count)
                longest = queue;
        }
        return longest;
    }

    private static void TakeFrom(Queue<LocalSpan> queue, int count, List<LocalSpan> taken)
    {
        for (var i = 0; i < count; i++)
            taken.Add(queue.Dequeue());
    }
}
