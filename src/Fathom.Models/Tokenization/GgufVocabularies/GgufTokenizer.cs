using System.Text;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization.WordModels;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.GgufVocabularies;

/// <summary>The tokenizer of a GGUF file: special tokens are cut out first, then the model of the vocabulary's kind takes the text between.</summary>
internal sealed class GgufTokenizer : Tokenizer
{
    private readonly string _origin;
    private readonly TokenTable _table;
    private readonly Dictionary<string, int> _ids;
    private readonly HashSet<int> _ends;
    private readonly SpecialTokenSplitter _always;
    private readonly SpecialTokenSplitter _withControl;
    private readonly IWordModel _model;
    private readonly UnicodePattern[]? _patterns;
    private readonly bool _addsEnd;
    private readonly bool _addsSpace;

    /// <param name="vocabulary">The file's keys.</param>
    /// <param name="kind">What the vocabulary's kind makes of them.</param>
    public GgufTokenizer(GgufVocabulary vocabulary, GgufVocabularyKind kind)
    {
        _origin = vocabulary.Origin;
        _ids = vocabulary.Ids;
        _model = kind.Model;
        _patterns = kind.Patterns;
        _addsSpace = kind.AddsSpace;
        _table = new TokenTable(vocabulary.Texts, vocabulary.Kinds, kind.BytesOf);
        BeginOfSequence = vocabulary.Id("bos_token_id") ?? kind.DefaultBegin;
        EndOfSequence = vocabulary.Id("eos_token_id") ?? kind.DefaultEnd;
        AddsBeginOfSequence = Adds("add_bos_token", "bos_token_id", kind.AddsBegin, BeginOfSequence);
        _addsEnd = Adds("add_eos_token", "eos_token_id", false, EndOfSequence);
        _ends = vocabulary.EndsOfGeneration;
        if (EndOfSequence is { } end)
            _ends.Add(end);
        var entries = SpecialEntries(vocabulary).ToArray();
        _withControl = new SpecialTokenSplitter(entries);
        _always = new SpecialTokenSplitter(entries.Where(e => vocabulary.Kinds[e.Id] == TokenKind.UserDefined));

        bool Adds(string flagKey, string idKey, bool otherwise, int? token)
        {
            var flag = vocabulary.Flag(flagKey);
            if (flag == true && token is null)
                throw vocabulary.Bad(flagKey, $"is true, but tokenizer.ggml.{idKey} is absent");
            return (flag ?? otherwise) && token is not null;
        }
    }

    /// <inheritdoc/>
    public override int VocabularySize => _table.Count;

    /// <inheritdoc/>
    public override bool AddsBeginOfSequence { get; }

    /// <exception cref="TokenizerFormatException">The vocabulary is incomplete, contradictory, or of a kind that is not known here.</exception>
    public static GgufTokenizer Load(GgufMetadata metadata)
    {
        var model = metadata.TryGetString("tokenizer.ggml.model", out var name)
            ? name
            : throw new TokenizerFormatException(metadata.Origin, "tokenizer.ggml.model", "is absent: the file holds no tokenizer");
        return model switch
        {
            "gpt2" => Make(GgufVocabularyKind.BytePair),
            "llama" => Make(GgufVocabularyKind.SentencePiece),
            _ => throw new TokenizerFormatException(
                metadata.Origin, "tokenizer.ggml.model", $"'{model}' is not supported; 'gpt2' and 'llama' are"),
        };

        GgufTokenizer Make(Func<GgufVocabulary, GgufVocabularyKind> kind)
        {
            var vocabulary = new GgufVocabulary(metadata);
            return new GgufTokenizer(vocabulary, kind(vocabulary));
        }
    }

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addSpecial, bool parseSpecial)
    {
        text = WellFormed(text);
        var output = new List<int>(text.Length / 3 + 2);
        if (addSpecial && AddsBeginOfSequence)
            output.Add(BeginOfSequence!.Value);
        var scratch = EncodeScratch.For(text.Length);
        var afterSpecial = true;
        try
        {
            foreach (var fragment in (parseSpecial ? _withControl : _always).Split(text))
            {
                if (fragment.Token is { } token)
                    output.Add(token);
                else
                    EncodeText(text.AsSpan(fragment.Start, fragment.Length), afterSpecial, scratch, output);
                afterSpecial = fragment.Token is not null;
            }
        }
        catch (EffortException effort)
        {
            throw new TokenizerFormatException(_origin, "tokenizer.ggml.pre", effort.Message, effort);
        }

        if (addSpecial && _addsEnd)
            output.Add(EndOfSequence!.Value);
        return [.. output];
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> TokenBytes(int id) => _table.Bytes(id);

    /// <inheritdoc/>
    public override string TokenText(int id) => _table.Text(id);

    /// <inheritdoc/>
    public override bool TryGetToken(string text, out int id) => _ids.TryGetValue(text, out id);

    /// <inheritdoc/>
    public override bool IsControl(int id) => _table.IsControl(id);

    /// <inheritdoc/>
    public override bool IsEndOfGeneration(int id) => _ends.Contains(id);

    /// <inheritdoc/>
    internal override ReadOnlySpan<byte> SpelledBytes(int id, bool atStart)
    {
        var bytes = base.SpelledBytes(id, atStart);
        return atStart && _addsSpace && !IsControl(id) && bytes.StartsWith(" "u8) ? bytes[1..] : bytes;
    }

    private void EncodeText(ReadOnlySpan<char> text, bool afterSpecial, EncodeScratch scratch, List<int> output)
    {
        if (_patterns is not null)
        {
            WordSplitting.Encode(text, _patterns, _model, scratch, output);
            return;
        }

        var spelled = new StringBuilder(text.Length + 1);
        if (_addsSpace && afterSpecial)
            spelled.Append(' ');
        var escaped = spelled.Append(text).Replace(' ', Metaspace.Letter).ToString();
        WordSplitting.EncodeMetaspaced(escaped, _model, scratch, output);
    }

    private static IEnumerable<SpecialTokenSplitter.Entry> SpecialEntries(GgufVocabulary vocabulary)
    {
        // These families' special tokens swallow the white space around them; files do not say so, names do.
        var name = vocabulary.ModelName;
        var phi3 = name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase);
        var jina = vocabulary.String("pre") is "jina-v2-de" or "jina-v2-es" or "jina-v2-code";
        for (var id = 0; id < vocabulary.Texts.Length; id++)
        {
            var text = vocabulary.Texts[id];
            if (vocabulary.Kinds[id] is TokenKind.Control or TokenKind.UserDefined or TokenKind.Unknown)
            {
                yield return new SpecialTokenSplitter.Entry(
                    text, id, jina && text == "<mask>", phi3 && text is not ("<unk>" or "<s>" or "<|endoftext|>"));
            }
        }
    }
}
