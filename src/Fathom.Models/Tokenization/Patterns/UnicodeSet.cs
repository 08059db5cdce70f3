namespace Fathom.Models.Tokenization.Patterns;

/// <summary>An immutable set of code points.</summary>
/// <remarks>Kept as an inversion list: code points from an even edge up to, and without, the next odd edge are in the set.</remarks>
internal sealed class UnicodeSet
{
    private const int CodePoints = 0x110000;
    private readonly int[] _edges;
    private ulong[]? _bmp;

    private UnicodeSet(int[] edges) => _edges = edges;

    public static UnicodeSet Empty { get; } = new([]);

    public static UnicodeSet All { get; } = new([0, CodePoints]);

    public bool IsEmpty => _edges.Length == 0;

    /// <summary>One bit for each code point below U+10000, 64 to a word: what hot loops test.</summary>
    public ulong[] Bmp => _bmp ??= BuildBmp();

    /// <summary>Code points from first to last, both included.</summary>
    public static UnicodeSet Range(int first, int last) => new([first, last + 1]);

    public static UnicodeSet Of(params ReadOnlySpan<int> codePoints)
    {
        var set = Empty;
        foreach (var codePoint in codePoints)
            set = set.Union(Range(codePoint, codePoint));
        return set;
    }

    /// <summary>Pairs of first and last code point, in ascending order without overlap.</summary>
    public static UnicodeSet Ranges(params ReadOnlySpan<int> firstsAndLasts)
    {
        var edges = firstsAndLasts.ToArray();
        for (var i = 1; i < edges.Length; i += 2)
            edges[i]++;
        return new UnicodeSet(edges);
    }

    /// <summary>The set with exactly these alternating edges, which must ascend strictly.</summary>
    public static UnicodeSet FromEdges(List<int> edges) => new([.. edges]);

    public IEnumerable<int> Members()
    {
        for (var i = 0; i + 1 < _edges.Length; i += 2)
        {
            for (var codePoint = _edges[i]; codePoint < _edges[i + 1]; codePoint++)
                yield return codePoint;
        }
    }

    public bool Contains(int codePoint)
    {
        if (codePoint < 0x10000)
            return (Bmp[codePoint >> 6] >> (codePoint & 63) & 1) != 0;
        var index = Array.BinarySearch(_edges, codePoint);
        // On an edge: even edges open. Between edges: inside when the edge before is even.
        return index >= 0 ? (index & 1) == 0 : (~index & 1) == 1;
    }

    public UnicodeSet Union(UnicodeSet other) => Combine(other, static (a, b) => a || b);

    public UnicodeSet Intersect(UnicodeSet other) => Combine(other, static (a, b) => a && b);

    public UnicodeSet Complement() => All.Combine(this, static (a, b) => a && !b);

    public bool Overlaps(UnicodeSet other) => !Intersect(other).IsEmpty;

    private UnicodeSet Combine(UnicodeSet other, Func<bool, bool, bool> keep)
    {
        var edges = new List<int>(_edges.Length + other._edges.Length);
        int i = 0, j = 0;
        var inside = false;
        while (i < _edges.Length || j < other._edges.Length)
        {
            var a = i < _edges.Length ? _edges[i] : int.MaxValue;
            var b = j < other._edges.Length ? other._edges[j] : int.MaxValue;
            var edge = Math.Min(a, b);
            if (a == edge)
                i++;
            if (b == edge)
                j++;
            // After passing an odd number of its edges a list is inside one of its ranges.
            var now = keep((i & 1) == 1, (j & 1) == 1);
            if (now != inside)
            {
                edges.Add(edge);
                inside = now;
            }
        }

        return new UnicodeSet([.. edges]);
    }

    private ulong[] BuildBmp()
    {
        var bits = new ulong[0x10000 / 64];
        for (var i = 0; i + 1 < _edges.Length; i += 2)
        {
            var end = Math.Min(_edges[i + 1], 0x10000);
            for (var codePoint = _edges[i]; codePoint < end;)
            {
                if ((codePoint & 63) == 0 && codePoint + 64 <= end)
                {
                    bits[codePoint >> 6] = ulong.MaxValue;
                    codePoint += 64;
                    continue;
                }

                bits[codePoint >> 6] |= 1UL << (codePoint & 63);
                codePoint++;
            }
        }

        return bits;
    }
}
