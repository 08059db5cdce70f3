namespace Fathom.FarMemory.Heap;

/// <summary>Free runs of pages by length, joined with their neighbours when they come back: the arithmetic of the page heap.</summary>
/// <remarks>Not thread safe; the page heap's lock guards it. Works on page numbers from 0, touches no memory.</remarks>
internal sealed class PageRuns
{
    // Runs below this length have a list for each length; longer ones share the last.
    private const int ListsMax = 129;

    private readonly int[] _heads = new int[ListsMax];
    private readonly int[] _next;
    private readonly int[] _previous;

    // At the first and last page of a free run its length, 0 elsewhere.
    private readonly int[] _length;

    public PageRuns(int pages)
    {
        _next = new int[pages];
        _previous = new int[pages];
        _length = new int[pages];
        Array.Fill(_heads, -1);
        Pages = pages;
        FreePages = pages;
        Insert(0, pages);
    }

    public int Pages { get; }

    public int FreePages { get; private set; }

    /// <summary>Takes a run; -1 when no free run is long enough.</summary>
    public int Take(int pages)
    {
        for (var list = Math.Min(pages, ListsMax - 1); list < ListsMax; list++)
        {
            for (var run = _heads[list]; run >= 0; run = _next[run])
            {
                var length = _length[run];
                if (length < pages)
                    continue; // only in the shared list
                Remove(run, length);
                if (length > pages)
                    Insert(run + pages, length - pages);
                FreePages -= pages;
                return run;
            }
        }
        return -1;
    }

    /// <summary>Gives a run back and joins it with free neighbours.</summary>
    public void GiveBack(int first, int pages)
    {
        FreePages += pages;
        if (first > 0 && _length[first - 1] is var before && before > 0)
        {
            first -= before;
            pages += before;
            Remove(first, before);
        }
        var end = first + pages;
        if (end < Pages && _length[end] is var after && after > 0)
        {
            Remove(end, after);
            pages += after;
        }
        Insert(first, pages);
    }

    /// <summary>Length of the free run that begins at a page; 0 when none does.</summary>
    public int LengthAt(int page) => _length[page];

    private void Insert(int first, int pages)
    {
        _length[first] = pages;
        _length[first + pages - 1] = pages;
        ref var head = ref _heads[Math.Min(pages, ListsMax - 1)];
        _next[first] = head;
        _previous[first] = -1;
        if (head >= 0)
            _previous[head] = first;
        head = first;
    }

    private void Remove(int first, int pages)
    {
        if (_previous[first] >= 0)
            _next[_previous[first]] = _next[first];
        else
            _heads[Math.Min(pages, ListsMax - 1)] = _next[first];
        if (_next[first] >= 0)
            _previous[_next[first]] = _previous[first];
        _length[first] = 0;
        _length[first + pages - 1] = 0;
    }
}
