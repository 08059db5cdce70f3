using Fathom.FarMemory.Identity;
using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>The far page map: which set and slot a span stands in.</summary>
/// <remarks>Owned by the pool's state machine. Ids of released spans come round again as late as possible.</remarks>
internal sealed class SpanTable
{
    private readonly Queue<uint> _freeSpans = new();
    private readonly List<SpanSet?> _sets = [null];
    private readonly Queue<uint> _freeSets = new();
    private Entry[] _spans = new Entry[64];
    private uint _spanCount = 1;

    /// <summary>One past the highest set id.</summary>
    public int SetsEnd => _sets.Count;

    /// <summary>Sets in the pool.</summary>
    public int SetCount => _sets.Count - 1 - _freeSets.Count;

    public SpanSet? SetAt(int index) => _sets[index];

    public SpanSet AddSet(int dataFragments, int parityFragments, int fragmentBytes)
    {
        if (!_freeSets.TryDequeue(out var id))
        {
            id = (uint)_sets.Count;
            _sets.Add(null);
        }
        var set = new SpanSet(new SpanSetId(id), dataFragments, parityFragments, fragmentBytes);
        _sets[(int)id] = set;
        return set;
    }

    public void RemoveSet(SpanSet set)
    {
        Invariant.Check(_sets[(int)set.Id.Value] == set);
        _sets[(int)set.Id.Value] = null;
        _freeSets.Enqueue(set.Id.Value);
        set.IsRemoved = true;
    }

    /// <summary>Gives the data slot a new live span.</summary>
    public SpanId AddSpan(SpanSet set, int slot, int lengthBytes)
    {
        // A reserve of ids at rest keeps a stale id from meaning another span soon.
        const int freeSpansMin = 1024;
        uint id;
        if (_freeSpans.Count > freeSpansMin)
        {
            id = _freeSpans.Dequeue();
        }
        else
        {
            id = _spanCount++;
            if (id >= _spans.Length)
                Array.Resize(ref _spans, _spans.Length * 2);
        }
        _spans[id] = new Entry(set, slot, lengthBytes);
        set.SetLive(slot, new SpanId(id));
        return new SpanId(id);
    }

    public bool TryGet(SpanId span, out SpanSet set, out int slot, out int lengthBytes)
    {
        var entry = span.Value < _spanCount ? _spans[span.Value] : default;
        (set, slot, lengthBytes) = (entry.Set!, entry.Slot, entry.LengthBytes);
        return entry.Set is not null;
    }

    /// <summary>Compaction made the span a member of another set. Its bytes have not moved.</summary>
    public void Move(SpanId span, SpanSet set, int slot)
    {
        ref var entry = ref _spans[span.Value];
        entry = new Entry(set, slot, entry.LengthBytes);
        set.SetLive(slot, span);
    }

    public void RemoveSpan(SpanId span)
    {
        _spans[span.Value] = default;
        _freeSpans.Enqueue(span.Value);
    }

    private readonly record struct Entry(SpanSet? Set, int Slot, int LengthBytes);
}
