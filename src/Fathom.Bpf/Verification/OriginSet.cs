namespace Fathom.Bpf.Verification;

/// <summary>Places of a machine state (registers and stack slots of its frames) that a number was computed from. Immutable; null stands for the empty set.</summary>
internal sealed class OriginSet
{
    private const int RegistersPerFrame = 11;
    private const int PlacesPerFrame = RegistersPerFrame + StackFrame.SlotsMax;
    private static readonly OriginSet?[] Single = new OriginSet[PlacesPerFrame * 8];

    private readonly ulong[] _words;

    private OriginSet(ulong[] words)
    {
        _words = words;
    }

    public static int OfRegister(int frame, int register) => (frame * PlacesPerFrame) + register;

    public static int OfSlot(int frame, int slot) => (frame * PlacesPerFrame) + RegistersPerFrame + slot;

    public static (int Frame, int Register, int Slot) Locate(int place)
    {
        var (frame, rest) = Math.DivRem(place, PlacesPerFrame);
        return rest < RegistersPerFrame ? (frame, rest, -1) : (frame, -1, rest - RegistersPerFrame);
    }

    public static OriginSet Of(int place)
    {
        if (place < Single.Length && Single[place] is { } known)
            return known;
        var words = new ulong[(place / 64) + 1];
        words[place / 64] = 1UL << (place % 64);
        var set = new OriginSet(words);
        if (place < Single.Length)
            Single[place] = set;
        return set;
    }

    public static OriginSet? Union(OriginSet? a, OriginSet? b)
    {
        if (ReferenceEquals(a, b) || b is null)
            return a;
        if (a is null)
            return b;
        if (a._words.Length < b._words.Length)
            (a, b) = (b, a);
        var isSubset = true;
        for (var i = 0; i < b._words.Length; i++)
            isSubset &= (b._words[i] & ~a._words[i]) == 0;
        if (isSubset)
            return a;
        var words = (ulong[])a._words.Clone();
        for (var i = 0; i < b._words.Length; i++)
            words[i] |= b._words[i];
        return new OriginSet(words);
    }

    /// <summary>The places of this set that <paramref name="other"/> lacks; null when there are none.</summary>
    public OriginSet? Except(OriginSet? other)
    {
        if (other is null)
            return this;
        ulong[]? words = null;
        for (var i = 0; i < _words.Length; i++)
        {
            var rest = _words[i] & (i < other._words.Length ? ~other._words[i] : ulong.MaxValue);
            if (rest != 0)
                (words ??= new ulong[_words.Length])[i] = rest;
        }
        return words is null ? null : new OriginSet(words);
    }

    public bool Contains(int place) => place / 64 < _words.Length && (_words[place / 64] & (1UL << (place % 64))) != 0;

    public Enumerator GetEnumerator() => new(_words);

    public struct Enumerator(ulong[] words)
    {
        private int _word = -1;
        private ulong _rest;

        public int Current { get; private set; }

        public bool MoveNext()
        {
            while (_rest == 0)
            {
                if (++_word >= words.Length)
                    return false;
                _rest = words[_word];
            }
            Current = (_word * 64) + System.Numerics.BitOperations.TrailingZeroCount(_rest);
            _rest &= _rest - 1;
            return true;
        }
    }
}
