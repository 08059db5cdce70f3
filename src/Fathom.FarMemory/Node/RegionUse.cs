namespace Fathom.FarMemory.Node;

/// <summary>Keeps a region's memory for one operation.</summary>
internal readonly ref struct RegionUse
{
    public RegionUse(Region? region) => Region = region is not null && region.TryEnter() ? region : null;

    /// <summary>The region, or null when there is none.</summary>
    public Region? Region { get; }

    public void Dispose() => Region?.Leave();
}
