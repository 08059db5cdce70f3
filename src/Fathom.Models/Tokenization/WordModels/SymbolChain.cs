using System.Runtime.CompilerServices;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>One symbol of a word that is being merged: a slice of the text and the token it is so far.</summary>
internal struct Symbol
{
    /// <summary>Token id, or -1 when the slice is no token yet.</summary>
    public int Id;

    /// <summary>Start of the slice, in UTF-16 units of the text or bytes of the word.</summary>
    public int Start;

    /// <summary>Length of the slice; 0 once the symbol has been merged into its left neighbour.</summary>
    public int Length;

    public int Previous;
    public int Next;
}

/// <summary>Says whether two neighbours may merge, how early, and into what.</summary>
internal interface IMergeRule
{
    /// <param name="left">Left neighbour.</param>
    /// <param name="right">The symbol right behind it.</param>
    /// <param name="rank">Lower merges first; among equals the leftmost.</param>
    /// <param name="id">Token of the two together.</param>
    bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id);
}

/// <summary>Merges neighbours in order of rank until none may merge: O(n log n) in the symbols, whatever the text.</summary>
/// <remarks>Scratch of one thread; reused from word to word.</remarks>
internal sealed class SymbolChain
{
    private const int SymbolsKept = 1 << 16;
    private readonly PriorityQueue<Candidate, ulong> _queue = new();
    private Symbol[] _symbols = new Symbol[64];

    /// <summary>Symbols added, merged ones included.</summary>
    public int Count { get; private set; }

    private readonly record struct Candidate(int Left, int Right, int Length, int Id);

    public void Clear()
    {
        Count = 0;
        _queue.Clear();
        if (_symbols.Length <= SymbolsKept)
            return;
        _symbols = new Symbol[64];
        _queue.TrimExcess();
    }

    public void Add(int id, int start, int length)
    {
        if (Count == _symbols.Length)
            Array.Resize(ref _symbols, checked(_symbols.Length * 2));
        _symbols[Count] = new Symbol { Id = id, Start = start, Length = length, Previous = Count - 1, Next = -1 };
        if (Count > 0)
            _symbols[Count - 1].Next = Count;
        Count++;
    }

    public void Merge<TRule>(ref TRule rule)
        where TRule : IMergeRule, allows ref struct
    {
        for (var i = 1; i < Count; i++)
            Consider(ref rule, i - 1, i);
        while (_queue.TryDequeue(out var candidate, out _))
        {
            ref var left = ref _symbols[candidate.Left];
            ref var right = ref _symbols[candidate.Right];
            // Symbols only ever grow, so the same total length means that neither has changed since.
            if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != candidate.Length)
                continue;
            left.Id = candidate.Id;
            left.Length += right.Length;
            left.Next = right.Next;
            right.Length = 0;
            if (right.Next >= 0)
                _symbols[right.Next].Previous = candidate.Left;
            if (left.Previous >= 0)
                Consider(ref rule, left.Previous, candidate.Left);
            if (left.Next >= 0)
                Consider(ref rule, candidate.Left, left.Next);
        }
    }

    /// <summary>The symbols that are left, in order.</summary>
    public Enumerator GetEnumerator() => new(this);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Consider<TRule>(ref TRule rule, int left, int right)
        where TRule : IMergeRule, allows ref struct
    {
        ref readonly var l = ref _symbols[left];
        ref readonly var r = ref _symbols[right];
        if (rule.TryMerge(l, r, out var rank, out var id))
            _queue.Enqueue(new Candidate(left, right, l.Length + r.Length, id), ((ulong)rank << 32) | (uint)left);
    }

    public ref struct Enumerator(SymbolChain chain)
    {
        private int _at = -2;

        public readonly ref readonly Symbol Current => ref chain._symbols[_at];

        public bool MoveNext()
        {
            _at = _at == -2 ? (chain.Count > 0 ? 0 : -1) : chain._symbols[_at].Next;
            return _at >= 0;
        }
    }
}
