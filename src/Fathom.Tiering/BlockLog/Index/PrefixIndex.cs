using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Index;

/// <summary>The pages of the index in the file.</summary>
/// <remarks>Any thread may read pages; the log's writer alone writes them. None is kept in memory.</remarks>
internal sealed class PrefixIndex(LogFile file)
{
    private readonly Lock _pageWrites = new();

    public uint PageOf(KvBlockKey key) => file.Header.PageOf(key);

    /// <summary>Reads a page; null when it is damaged.</summary>
    public IndexPage? Load(uint number)
    {
        var page = new IndexPage(number);
        try
        {
            file.Read(LogHeader.PageOffsetBytes(number), page.Span);
            if (page.Holds(SeedOf(number)))
                return page;
        }
        catch
        {
            page.Dispose();
            throw;
        }
        page.Dispose();
        return null;
    }

    public void Store(IndexPage page)
    {
        page.Seal(SeedOf(page.Number));
        lock (_pageWrites)
            file.Write(LogHeader.PageOffsetBytes(page.Number), page.Span);
    }

    /// <summary>Whether a page is damaged; one that was only being written when it was read is not.</summary>
    public bool IsDamaged(uint number)
    {
        lock (_pageWrites)
        {
            using var page = Load(number);
            return page is null;
        }
    }

    /// <summary>The look-up of <see cref="PrefixWalk"/> by one blocking read after the other: what it is measured against, and its oracle.</summary>
    /// <param name="chain">Keys from the root on.</param>
    /// <param name="places">Receives where the matched blocks lie; as long as the chain.</param>
    /// <returns>How many are stored, and how many pages were read; a damaged page ends the walk.</returns>
    public (int Matched, int Hops) WalkPages(ReadOnlySpan<KvBlockKey> chain, Span<BlockPlace> places)
    {
        var (matched, hops) = (0, 1);
        var page = Load(PageOf(chain[0]));
        try
        {
            var wasHere = false; // the parent of the key looked for stands in this page
            while (page is not null)
            {
                var at = page.FindStart(chain[matched]);
                if (at < 0 && !wasHere)
                    break;
                var end = at < 0 ? RunEnd.Elsewhere : TakeRun(page, at, chain, places, ref matched);
                if (end == RunEnd.Stop)
                    break;
                wasHere = end == RunEnd.Here;
                if (wasHere)
                    continue;
                page.Dispose();
                page = Load(PageOf(chain[matched]));
                hops++;
            }
        }
        finally
        {
            page?.Dispose();
        }
        return (matched, hops);
    }

    private enum RunEnd
    {
        Stop,
        Here,
        Elsewhere,
    }

    private static RunEnd TakeRun(IndexPage page, int at, ReadOnlySpan<KvBlockKey> chain, Span<BlockPlace> places, ref int matched)
    {
        var entries = page.Entries;
        var run = 0;
        for (; at < entries.Length && matched < chain.Length; at++, run++)
        {
            ref readonly var entry = ref entries[at];
            if (entry.Key != chain[matched] || (run > 0 && entry.Has(BlockEntry.Starts)))
                break;
            if (entry.Has(BlockEntry.Hole))
                return RunEnd.Stop;
            places[matched++] = new BlockPlace(
                page.Number, entry.Unit, (int)(entry.LengthAndFlags & BlockEntry.LengthMask), entry.Checksum, entry.Generation);
        }
        if (matched == chain.Length || !entries[at - 1].Has(BlockEntry.Forks))
            return RunEnd.Stop;
        return run < IndexPage.RunMax ? RunEnd.Here : RunEnd.Elsewhere;
    }

    private ulong SeedOf(uint number) => IndexPage.Seed(file.Header.StoreId, LogHeader.PageOffsetBytes(number));
}
