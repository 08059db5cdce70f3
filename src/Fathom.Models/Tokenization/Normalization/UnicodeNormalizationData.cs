using System.Globalization;
using System.Reflection;

namespace Fathom.Models.Tokenization.Normalization;

/// <summary>Decompositions, compositions and combining classes, from the resource beside this file.</summary>
internal sealed class UnicodeNormalizationData
{
    private const string Resource = "Fathom.Models.Tokenization.Normalization.UnicodeNormalizationData.txt";
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, int[]> _canonical = [];
    private readonly Dictionary<int, int[]> _compatible = [];
    private readonly Dictionary<(int First, int Second), int> _pairs = [];

    private UnicodeNormalizationData()
    {
    }

    public static UnicodeNormalizationData Read()
    {
        var data = new UnicodeNormalizationData();
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"resource {Resource} is not in the assembly");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
                continue;
            foreach (var entry in line.Split(' '))
                data.Add(entry);
        }

        foreach (var point in data._compatible.Keys.ToArray())
            data._compatible[point] = Expand(point, p => data._compatible.GetValueOrDefault(p) ?? data._canonical.GetValueOrDefault(p));
        foreach (var point in data._canonical.Keys.ToArray())
        {
            var compatible = Expand(point, p => data._compatible.GetValueOrDefault(p) ?? data._canonical.GetValueOrDefault(p));
            var canonical = Expand(point, p => data._canonical.GetValueOrDefault(p));
            data._canonical[point] = canonical;
            if (!compatible.AsSpan().SequenceEqual(canonical))
                data._compatible[point] = compatible;
        }

        return data;
    }

    public int CombiningClass(int point) => _classes.GetValueOrDefault(point);

    public bool TryDecompose(int point, bool compatible, out int[] parts)
    {
        if (compatible && _compatible.TryGetValue(point, out var found))
        {
            parts = found;
            return true;
        }

        var known = _canonical.TryGetValue(point, out var canonical);
        parts = canonical ?? [];
        return known;
    }

    public bool TryCompose(int first, int second, out int whole) => _pairs.TryGetValue((first, second), out whole);

    private static int[] Expand(int point, Func<int, int[]?> step) =>
        step(point) is { } parts ? [.. parts.SelectMany(p => Expand(p, step))] : [point];

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private void Add(string entry)
    {
        var at = entry.AsSpan().IndexOfAny(":=!~");
        var (left, mark, right) = (entry[..at], entry[at], entry[(at + 1)..]);
        if (mark == ':')
        {
            var range = left.Split('-');
            for (var point = Hex(range[0]); point <= Hex(range[^1]); point++)
                _classes[point] = byte.Parse(right, CultureInfo.InvariantCulture);
            return;
        }

        var parts = Array.ConvertAll(right.Split('+'), Hex);
        (mark == '~' ? _compatible : _canonical)[Hex(left)] = parts;
        // A decomposition that begins with a mark is never composed either (the classes come first in the file).
        if (mark == '=' && parts.Length == 2 && CombiningClass(Hex(left)) == 0 && CombiningClass(parts[0]) == 0)
            _pairs[(parts[0], parts[1])] = Hex(left);
    }
}
