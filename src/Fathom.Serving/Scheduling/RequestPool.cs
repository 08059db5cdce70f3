using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Fathom.Serving.Requests;

namespace Fathom.Serving.Scheduling;

/// <summary>All requests between arrival and end, in the order in which they are considered.</summary>
/// <remarks>Owned by the scheduler; one thread. Its size is bounded by the host's queue limit.</remarks>
internal sealed class RequestPool
{
    private readonly List<SequenceGroup> _ordered = [];
    private readonly Dictionary<RequestId, SequenceGroup> _byId = [];
    private readonly bool _honoursPriority;

    /// <param name="honoursPriority">Order by (priority, arrival); otherwise by arrival alone, as Algorithm 1 does.</param>
    public RequestPool(bool honoursPriority) => _honoursPriority = honoursPriority;

    /// <summary>The requests, first to be considered first. Valid until the next arrival or end.</summary>
    public ReadOnlySpan<SequenceGroup> Ordered => CollectionsMarshal.AsSpan(_ordered);

    public int Count => _ordered.Count;

    public void Add(SequenceGroup group)
    {
        _byId.Add(group.Id, group);
        int place = _ordered.Count;
        while (place > 0 && IsBefore(group, _ordered[place - 1]))
            place--;
        _ordered.Insert(place, group);
    }

    public bool TryGet(RequestId id, [NotNullWhen(true)] out SequenceGroup? group) => _byId.TryGetValue(id, out group);

    public void Remove(SequenceGroup group)
    {
        if (_byId.Remove(group.Id))
            _ordered.Remove(group);
    }

    private bool IsBefore(SequenceGroup left, SequenceGroup right) =>
        _honoursPriority && left.Priority != right.Priority ? left.Priority < right.Priority : left.Id < right.Id;
}
