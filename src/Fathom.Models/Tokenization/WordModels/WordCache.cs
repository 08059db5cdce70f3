using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>Tokens of words seen lately. Bounded: each word has one slot, which the next word with the same slot takes over.</summary>
/// <remarks>Any thread, no lock: entries never change, and a slot is one reference.</remarks>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and would make the bound meaningless.</summary>
    public const int WordCharsMax = 48;

    private const int Slots = 1 << 15;
    private Entry?[]? _slots;

    private sealed record Entry(string Word, int[] Tokens);

    public bool TryGet(ReadOnlySpan<char> word, out ReadOnlySpan<int> tokens)
    {
        if (_slots is { } slots && word.Length <= WordCharsMax && slots[Slot(word)] is { } entry && word.SequenceEqual(entry.Word))
        {
            tokens = entry.Tokens;
            return true;
        }

        tokens = default;
        return false;
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> tokens)
    {
        // Two threads may each make the table; the one that loses has cached a word in vain.
        if (word.Length <= WordCharsMax)
            (_slots ??= new Entry?[Slots])[Slot(word)] = new Entry(word.ToString(), tokens.ToArray());
    }

    /// <summary>A fast hash, four characters at a time; a text made to collide costs hits, not memory or time without bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Slot(ReadOnlySpan<char> word)
    {
        const ulong factor = 0x9E3779B97F4A7C15;
        var hash = (ulong)word.Length * factor;
        var quads = MemoryMarshal.Cast<char, ulong>(word);
        foreach (var quad in quads)
            hash = BitOperations.RotateLeft((hash ^ quad) * factor, 29);
        foreach (var c in word[(quads.Length * 4)..])
            hash = BitOperations.RotateLeft((hash ^ c) * factor, 29);
        return (int)((hash * factor) >> (64 - 15));
    }
}
