namespace Fathom.Models.Tokenization;

/// <summary>U+2581 ▁, with which SentencePiece spells a space.</summary>
internal static class Metaspace
{
    public const char Letter = '\u2581';

    /// <summary>True when no piece has another letter before a ▁, so that no token spans the start of a word.</summary>
    public static bool NeverInside(IEnumerable<string> pieces)
    {
        foreach (var piece in pieces)
        {
            var last = piece.LastIndexOf(Letter);
            if (last > 0 && piece.AsSpan(0, last).IndexOfAnyExcept(Letter) >= 0)
                return false;
        }

        return true;
    }
}
