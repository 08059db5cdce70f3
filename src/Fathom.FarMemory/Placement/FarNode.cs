using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Placement;

/// <summary>How far a node is counted on.</summary>
internal enum NodeHealth
{
    /// <summary>It answers.</summary>
    Up,

    /// <summary>It left requests unanswered: reads take other ways, writes go elsewhere, probes ask whether it is back.</summary>
    Suspect,

    /// <summary>Silent for long, or declared dead: its fragments are rebuilt elsewhere. They count again if it returns in the same life.</summary>
    Down,
}

/// <summary>A memory node as one pool sees it.</summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class FarNode(NodeId id, int ordinal)
{
    /// <summary>Number in the order in which this pool met its nodes.</summary>
    public int Ordinal { get; } = ordinal;

    public NodeId Id { get; } = id;

    public List<FarRegion> Regions { get; } = [];

    public Incarnation Incarnation { get; set; }

    /// <summary>The life of the node that the directory knows; it allots nothing in a later one before it has met it.</summary>
    public Incarnation ListedIncarnation { get; set; }

    /// <summary>The node began a new life, of which the directory has yet to learn.</summary>
    public bool IsUnlisted => ListedIncarnation.Value < Incarnation.Value;

    public NodeHealth Health { get; set; }

    /// <summary>Asked to leave: nothing new is placed here, everything here is moved.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Whether the end of the drain was reported.</summary>
    public bool IsDrained { get; set; }

    /// <summary>Unanswered or slow requests since the last answer.</summary>
    public int Misses { get; set; }

    /// <summary>Since when it is suspect.</summary>
    public long SuspectSinceUs { get; set; }

    /// <summary>When it last answered.</summary>
    public long HeardUs { get; set; }

    /// <summary>When it is probed next.</summary>
    public long ProbeDueUs { get; set; }

    /// <summary>A region was asked for and neither granted nor refused yet.</summary>
    public bool IsRegionAsked { get; set; }

    /// <summary>The directory has no more room for this process here, until this time.</summary>
    public long RegionRefusedUntilUs { get; set; }

    /// <summary>Something new may be placed here.</summary>
    public bool TakesWrites => Health == NodeHealth.Up && !IsDraining;

    /// <summary>Free granules over all regions.</summary>
    public long FreeGranules
    {
        get
        {
            var free = 0L;
            foreach (var region in Regions)
                free += region.Granules.Free;
            return free;
        }
    }

    /// <summary>Free granules beyond a share of all of them that is kept back.</summary>
    public long FreeBeyond(double reserveShare)
    {
        var free = 0L;
        var all = 0L;
        foreach (var region in Regions)
        {
            free += region.Granules.Free;
            all += region.Granules.Count;
        }
        return free - (long)Math.Ceiling(all * reserveShare);
    }
}
