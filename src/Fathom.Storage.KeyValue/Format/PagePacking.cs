using System.Buffers.Binary;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>How many entries of a run a page takes, and the writing of it.</summary>
/// <param name="kind">Kind of the store's keys.</param>
/// <param name="pageBytes">Page size.</param>
internal sealed class PagePacking(KeyKind kind, int pageBytes)
{
    private const int EntryBytes = 20;

    /// <summary>Part of a page that is filled when entries go to several pages: leaves room for what comes later.</summary>
    private const double SpreadFill = 0.9;

    /// <summary>How many entries each page of a run gets: all in one if they fit, else spread evenly.</summary>
    /// <param name="run">The entries.</param>
    /// <param name="counts">Cleared, then one count a page.</param>
    public void Split(EntryRun run, List<int> counts)
    {
        counts.Clear();
        if (run.Count == 0)
            return;
        if (Fitting(run, 0, pageBytes) == run.Count)
        {
            counts.Add(run.Count);
            return;
        }
        var total = TotalBytes(run);
        var room = pageBytes - PageView.HeaderBytes;
        var pages = Math.Ceiling(total / (room * SpreadFill));
        var limit = kind == KeyKind.Fixed ? pageBytes : Math.Min(pageBytes, PageView.HeaderBytes + (int)(total / pages) + EntryBytes);
        var fixedCount = (int)Math.Ceiling(run.Count / Math.Ceiling(run.Count / (PageView.FixedSlots * SpreadFill)));
        for (var start = 0; start < run.Count;)
        {
            var count = kind == KeyKind.Fixed ? Math.Min(fixedCount, run.Count - start) : Math.Max(1, Fitting(run, start, limit));
            counts.Add(count);
            start += count;
        }
    }

    /// <summary>Entries from <paramref name="start"/> on that fit into a page of <paramref name="limitBytes"/>.</summary>
    public int Fitting(EntryRun run, int start, int limitBytes)
    {
        if (kind == KeyKind.Fixed)
            return Math.Min(PageView.FixedSlots, run.Count - start);
        var first = run.Key(start);
        var prefix = first.Length;
        var tails = 0;
        for (var i = start; i < run.Count; i++)
        {
            var key = run.Key(i);
            var shared = KeyOrder.CommonPrefix(first, key);
            if (shared < prefix)
            {
                prefix = shared;
                tails = 0;
                for (var j = start; j < i; j++)
                    tails += TailBytes(run.Key(j), prefix);
            }
            tails += TailBytes(key, prefix);
            if (PageView.HeaderBytes + EntryBytes * (i + 1 - start) + prefix + tails > limitBytes)
                return i - start;
        }
        return run.Count - start;
    }

    /// <summary>Writes a page.</summary>
    /// <param name="run">Its entries.</param>
    /// <param name="start">The first.</param>
    /// <param name="count">How many; they fit.</param>
    /// <param name="level">0 for a leaf.</param>
    /// <param name="offsetBytes">Where the page goes in the file.</param>
    /// <param name="page">Exactly one page.</param>
    public void Write(EntryRun run, int start, int count, int level, long offsetBytes, Span<byte> page)
    {
        page.Clear();
        var slots = kind == KeyKind.Fixed ? PageView.FixedSlots : count;
        var prefix = kind == KeyKind.Fixed ? 0 : KeyOrder.CommonPrefix(run.Key(start), run.Key(start + count - 1));
        page[8] = (byte)level;
        page[9] = (byte)kind;
        BinaryPrimitives.WriteUInt16LittleEndian(page[10..], (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(page[12..], (ushort)slots);
        BinaryPrimitives.WriteUInt16LittleEndian(page[14..], (ushort)prefix);
        var heads = page[PageView.HeaderBytes..];
        var pointers = heads[(8 * slots)..];
        var tails = pointers[(8 * slots)..];
        var free = PageView.HeaderBytes + EntryBytes * slots;
        if (kind == KeyKind.Variable)
        {
            run.Key(start)[..prefix].CopyTo(page[free..]);
            free += prefix;
        }
        for (var i = 0; i < count; i++)
        {
            var suffix = run.Key(start + i)[prefix..];
            BinaryPrimitives.WriteUInt64LittleEndian(heads[(8 * i)..], KeyOrder.Head(suffix));
            BinaryPrimitives.WriteUInt64LittleEndian(pointers[(8 * i)..], run.Pointer(start + i).Bits);
            if (kind == KeyKind.Fixed)
                continue;
            BinaryPrimitives.WriteUInt16LittleEndian(tails[(4 * i)..], suffix.Length > 8 ? (ushort)free : (ushort)0);
            BinaryPrimitives.WriteUInt16LittleEndian(tails[(4 * i + 2)..], (ushort)suffix.Length);
            if (suffix.Length > 8)
            {
                suffix[8..].CopyTo(page[free..]);
                free += suffix.Length - 8;
            }
        }
        BinaryPrimitives.WriteUInt64LittleEndian(page, WordMix.Of((ulong)offsetBytes, page[8..]));
    }

    private static double TotalBytes(EntryRun run)
    {
        var prefix = KeyOrder.CommonPrefix(run.Key(0), run.Key(run.Count - 1));
        double bytes = prefix;
        for (var i = 0; i < run.Count; i++)
            bytes += EntryBytes + TailBytes(run.Key(i), prefix);
        return bytes;
    }

    private static int TailBytes(ReadOnlySpan<byte> key, int prefixBytes) => Math.Max(0, key.Length - prefixBytes - 8);
}
