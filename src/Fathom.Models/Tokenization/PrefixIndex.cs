using System.Buffers;

namespace Fathom.Models.Tokenization;

/// <summary>Finds which of many keys begin at a place in a text.</summary>
/// <remarks>Immutable. The keys lie sorted; each further character narrows the range of keys that still fit.</remarks>
internal sealed class PrefixIndex
{
    private readonly string[] _keys;
    private readonly int[] _values;
    private readonly Dictionary<char, (int Low, int High)> _byFirst = [];
    private readonly SearchValues<char> _firsts;

    /// <summary>Indexes distinct, non-empty keys.</summary>
    public PrefixIndex(IEnumerable<KeyValuePair<string, int>> entries)
    {
        var sorted = entries.ToArray();
        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        _keys = Array.ConvertAll(sorted, e => e.Key);
        _values = Array.ConvertAll(sorted, e => e.Value);
        for (var i = 0; i < _keys.Length; i++)
        {
            var first = _keys[i][0];
            _byFirst[first] = _byFirst.TryGetValue(first, out var range) ? (range.Low, i + 1) : (i, i + 1);
        }

        _firsts = SearchValues.Create([.. _byFirst.Keys]);
    }

    public bool IsEmpty => _keys.Length == 0;

    /// <summary>First place at or after a position where a key might begin, or -1.</summary>
    public int NextCandidate(ReadOnlySpan<char> text, int from)
    {
        var found = text[from..].IndexOfAny(_firsts);
        return found < 0 ? -1 : from + found;
    }

    /// <summary>Starts at a place; <see cref="Walk.MoveNext"/> gives the keys that begin there, shortest first.</summary>
    public Walk At(ReadOnlySpan<char> text, int position) => new(this, text[position..]);

    /// <summary>The longest key that begins at a place.</summary>
    public bool TryLongest(ReadOnlySpan<char> text, int position, out int value, out int length)
    {
        (value, length) = (-1, 0);
        var walk = At(text, position);
        while (walk.MoveNext())
            (value, length) = (walk.Value, walk.Length);
        return length > 0;
    }

    /// <summary>The keys that begin at one place.</summary>
    public ref struct Walk
    {
        private readonly PrefixIndex _index;
        private readonly ReadOnlySpan<char> _text;
        private int _low;
        private int _high;
        private int _depth;

        public Walk(PrefixIndex index, ReadOnlySpan<char> text)
        {
            _index = index;
            _text = text;
            if (text.IsEmpty || !index._byFirst.TryGetValue(text[0], out var range))
                return;
            (_low, _high) = range;
            _depth = 1;
        }

        /// <summary>Value of the key found last.</summary>
        public int Value { get; private set; }

        /// <summary>Length of the key found last, in UTF-16 units.</summary>
        public int Length { get; private set; }

        public bool MoveNext()
        {
            // Keys in [_low, _high) begin with the first _depth characters; a key of just that length is the lowest.
            while (_low < _high)
            {
                var depth = _depth;
                var found = _index._keys[_low].Length == depth;
                if (found)
                {
                    (Value, Length) = (_index._values[_low], depth);
                    _low++;
                }

                if (depth < _text.Length)
                {
                    Narrow(_text[depth], depth);
                    _depth++;
                }
                else
                {
                    _low = _high;
                }

                if (found)
                    return true;
            }

            return false;
        }

        private void Narrow(char c, int depth)
        {
            var keys = _index._keys;
            if (_high - _low <= 4)
            {
                while (_low < _high && keys[_low][depth] < c)
                    _low++;
                while (_low < _high && keys[_high - 1][depth] > c)
                    _high--;
                return;
            }

            _low = FirstNotBelow(keys, _low, _high, c, depth);
            _high = FirstNotBelow(keys, _low, _high, c + 1, depth);
        }

        private static int FirstNotBelow(string[] keys, int low, int high, int c, int depth)
        {
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (keys[middle][depth] < c)
                    low = middle + 1;
                else
                    high = middle;
            }

            return low;
        }
    }
}
