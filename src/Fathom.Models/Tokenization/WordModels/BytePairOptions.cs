namespace Fathom.Models.Tokenization.WordModels;

/// <summary>How one byte pair model differs from another.</summary>
internal sealed record BytePairOptions
{
    /// <summary>Token ids of the vocabulary; merge results that are no token have ids from here on.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The letters are GPT-2's letters for bytes, and words come as plain text.</summary>
    public bool ByteLetters { get; init; }

    /// <summary>A letter without a token becomes the tokens &lt;0xXX&gt; of its UTF-8 bytes, if all are there.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>A word that is a token is that token, whatever the merges would make of it.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Of two merges of one pair the first counts (llama.cpp), not the last (tokenizers).</summary>
    public bool FirstRankWins { get; init; }

    /// <summary>The token of letters that have none.</summary>
    public int? Unknown { get; init; }

    /// <summary>Neighbouring unknown letters make one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Put before every letter but a word's first.</summary>
    public string? ContinuingPrefix { get; init; }

    /// <summary>Put behind a word's last letter.</summary>
    public string? EndOfWordSuffix { get; init; }

    /// <summary>Tokens (by id) that text must not become by its spelling; null for none.</summary>
    public bool[]? Reserved { get; init; }
}
