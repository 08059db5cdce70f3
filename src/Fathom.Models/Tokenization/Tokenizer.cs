using System.Text;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization.GgufVocabularies;
using Fathom.Models.Tokenization.TokenizerJson;

namespace Fathom.Models.Tokenization;

/// <summary>
/// Text to token ids and back, as one model was trained to see it. Ids run from 0 to <see cref="VocabularySize"/> - 1.
/// </summary>
/// <remarks>Immutable once made, apart from a bounded cache of words that is safe to share; every member may be called from any thread.</remarks>
public abstract class Tokenizer
{
    /// <summary>For tokenizers of other kinds, such as tests make.</summary>
    protected Tokenizer()
    {
    }

    /// <summary>Number of token ids.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>The token put before a text (bos), or null when the model has none.</summary>
    public int? BeginOfSequence { get; protected init; }

    /// <summary>The token that ends a text (eos), or null when the model has none.</summary>
    public int? EndOfSequence { get; protected init; }

    /// <summary>Whether <see cref="Encode"/> with addSpecial puts <see cref="BeginOfSequence"/> first.</summary>
    public abstract bool AddsBeginOfSequence { get; }

    /// <summary>The tokenizer of a GGUF file: kinds <c>gpt2</c> (byte-level BPE) and <c>llama</c> (SentencePiece's BPE by score).</summary>
    /// <param name="metadata">Key-value part of the file.</param>
    /// <exception cref="ModelException">Keys are missing, of the wrong type, contradict each other, or name a kind that is not known here.</exception>
    public static Tokenizer FromGguf(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        return GgufTokenizer.Load(metadata);
    }

    /// <summary>The tokenizer of a Hugging Face folder: <c>tokenizer.json</c>, with <c>tokenizer_config.json</c>,
    /// <c>generation_config.json</c> and <c>config.json</c> for bos and eos where they are there.</summary>
    /// <param name="folder">Folder of the model.</param>
    /// <exception cref="ModelException">tokenizer.json is absent, malformed, or uses a part that is not known here.</exception>
    public static Tokenizer FromHuggingFace(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return TokenizerJsonFile.Load(folder);
    }

    /// <summary>Token ids of a text. Lone surrogates are read as U+FFFD.</summary>
    /// <param name="text">Any text, also empty.</param>
    /// <param name="addSpecial">Add the tokens that the model wants around a text (bos, eos, template).</param>
    /// <param name="parseSpecial">Read the spelling of a control token (such as <c>&lt;|im_start|&gt;</c>) as that token. False for text from users.</param>
    /// <exception cref="TokenizerFormatException">The file's own patterns or normalizers run away on this text; no known model's do.</exception>
    public abstract int[] Encode(string text, bool addSpecial, bool parseSpecial);

    /// <summary>Text of a whole sequence of tokens: bytes that are not UTF-8 become U+FFFD, one for each maximal subpart.</summary>
    /// <param name="tokens">Token ids, from the start of a text.</param>
    /// <param name="skipSpecial">Leave control tokens out; otherwise they are spelled as <see cref="TokenText"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> tokens, bool skipSpecial)
    {
        var decoder = new TokenStreamDecoder(this, skipSpecial, atStartOfText: true);
        var text = new StringBuilder();
        foreach (var token in tokens)
            text.Append(decoder.Append(token));
        return text.Append(decoder.Finish()).ToString();
    }

    /// <summary>The bytes a token stands for in the middle of a text; empty for control tokens.</summary>
    /// <param name="id">Token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public abstract ReadOnlySpan<byte> TokenBytes(int id);

    /// <summary>How the vocabulary spells the token (for byte-level vocabularies with their printable byte letters).</summary>
    /// <param name="id">Token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public abstract string TokenText(int id);

    /// <summary>Id of the token that the vocabulary spells so, if there is one.</summary>
    /// <param name="text">Spelling as <see cref="TokenText"/> gives it.</param>
    /// <param name="id">The token id.</param>
    public abstract bool TryGetToken(string text, out int id);

    /// <summary>Whether the token steers the model instead of standing for text (bos, eos, turn markers, padding).</summary>
    /// <param name="id">Token id.</param>
    public abstract bool IsControl(int id);

    /// <summary>Whether generation ends at this token: eos, end of turn, end of message.</summary>
    /// <param name="id">Token id.</param>
    public abstract bool IsEndOfGeneration(int id);

    /// <summary>The text with every lone surrogate replaced by U+FFFD; the same string when it has none.</summary>
    internal static string WellFormed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else
                return string.Concat(text.EnumerateRunes());
        }

        return text;
    }

    /// <summary>The bytes of any token, a control token's spelling too.</summary>
    /// <param name="id">Token id.</param>
    /// <param name="atStart">The token begins a text: a space that encoding put there is taken away again.</param>
    internal virtual ReadOnlySpan<byte> SpelledBytes(int id, bool atStart) =>
        IsControl(id) ? Encoding.UTF8.GetBytes(TokenText(id)) : TokenBytes(id);
}
