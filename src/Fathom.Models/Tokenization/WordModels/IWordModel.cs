using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>Turns one pre-tokenized piece of text into tokens.</summary>
internal interface IWordModel
{
    /// <summary>No token spans the place where a ▁ follows another letter, so such pieces may be cut there and cached by word.</summary>
    bool SplitsAtMetaspace { get; }

    /// <summary>Appends the tokens of a piece.</summary>
    /// <param name="word">Well-formed UTF-16.</param>
    /// <param name="scratch">Of the calling thread.</param>
    /// <param name="output">Where the ids go.</param>
    void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output);
}

/// <summary>What encoding needs and may keep from one text to the next. One for a thread.</summary>
internal sealed class EncodeScratch
{
    [ThreadStatic]
    private static EncodeScratch? _ofThread;

    /// <summary>The calling thread's own, ready for a text of this length.</summary>
    public static EncodeScratch For(int textChars)
    {
        var scratch = _ofThread ??= new EncodeScratch();
        scratch.Patterns.Refill(textChars);
        return scratch;
    }

    public PatternStack Patterns { get; } = new();

    public SymbolChain Symbols { get; } = new();
}
