namespace Fathom.FarMemory.Heap;

/// <summary>The resident spans of one size class that have room, for threads whose current span is full.</summary>
/// <remarks>One lock guards the links; it is taken inside a span's lock, never around one.</remarks>
internal sealed class CentralList
{
    private readonly Lock _lock = new();
    private LocalSpan? _first;

    /// <summary>Offers a span; one that is listed already stays where it is.</summary>
    public void Add(LocalSpan span)
    {
        lock (_lock)
        {
            if (span.IsListed)
                return;
            span.IsListed = true;
            span.Previous = null;
            span.Next = _first;
            if (_first is not null)
                _first.Previous = span;
            _first = span;
        }
    }

    /// <summary>Withdraws a span; one that is not listed is left alone.</summary>
    public void Remove(LocalSpan span)
    {
        lock (_lock)
        {
            if (span.IsListed)
                Unlink(span);
        }
    }

    /// <summary>Takes a span out. The caller locks it and looks whether it is still what it wants.</summary>
    public LocalSpan? Take()
    {
        lock (_lock)
        {
            var span = _first;
            if (span is not null)
                Unlink(span);
            return span;
        }
    }

    private void Unlink(LocalSpan span)
    {
        if (span.Previous is null)
            _first = span.Next;
        else
            span.Previous.Next = span.Next;
        if (span.Next is not null)
            span.Next.Previous = span.Previous;
        span.Next = span.Previous = null;
        span.IsListed = false;
    }
}
