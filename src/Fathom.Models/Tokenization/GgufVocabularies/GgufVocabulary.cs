using Fathom.Models.Gguf;

namespace Fathom.Models.Tokenization.GgufVocabularies;

/// <summary>The <c>tokenizer.ggml.*</c> keys of a GGUF file, checked.</summary>
internal sealed class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";
    private const int TokensMax = 1 << 24;

    // File markers and fill-in-the-middle padding end a generation, too: Qwen's and Granite's coders emit them after the code.
    private static readonly string[][] FillInTheMiddleEnds =
    [
        ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
        ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
        ["<|file_sep|>"],
    ];

    private static readonly string[][] FillInTheMiddleMarks =
    [
        ["<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>"],
        ["<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>"],
        ["<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>"],
    ];

    private readonly GgufMetadata _metadata;

    public GgufVocabulary(GgufMetadata metadata)
    {
        _metadata = metadata;
        Texts = ReadTokens(out var ids);
        Ids = ids;
        Kinds = ReadKinds();
        EndOfTurn = Id("eot_token_id");
        EndOfMessage = Id("eom_token_id");
        EndsOfGeneration = FindEnds();
    }

    /// <summary>File, for messages.</summary>
    public string Origin => _metadata.Origin;

    /// <summary>Spellings by id; never empty.</summary>
    public string[] Texts { get; }

    /// <summary>Id of each spelling.</summary>
    public Dictionary<string, int> Ids { get; }

    public TokenKind[] Kinds { get; }

    public int? EndOfTurn { get; }

    public int? EndOfMessage { get; }

    /// <summary>Tokens that end generation apart from the file's own eos.</summary>
    public HashSet<int> EndsOfGeneration { get; }

    public TokenizerFormatException Bad(string key, string problem) => new(Origin, Prefix + key, problem);

    public string? String(string key) => _metadata.TryGetString(Prefix + key, out var value) ? value : null;

    public bool? Flag(string key) => _metadata.TryGetBoolean(Prefix + key, out var value) ? value : null;

    /// <summary>The model's name, which some families are told apart by.</summary>
    public string ModelName => _metadata.TryGetString("general.name", out var name) ? name : "";

    /// <summary>A token id that must lie in the vocabulary when it is given.</summary>
    public int? Id(string key)
    {
        if (!_metadata.TryGetInt32(Prefix + key, out var id))
            return null;
        if ((uint)id >= (uint)Texts.Length)
            throw Bad(key, $"id {id} is outside the vocabulary of {Texts.Length} tokens");
        return id;
    }

    /// <summary>Scores by id.</summary>
    public float[] Scores()
    {
        if (!_metadata.Contains(Prefix + "scores"))
            throw Bad("scores", "is absent; a vocabulary of kind 'llama' needs a score for each token");
        // Some converters wrote whole numbers.
        if (_metadata[Prefix + "scores"].ElementType == GgufValueType.Int32 && _metadata.TryGetInt32s(Prefix + "scores", out var whole))
            return CheckScores(Array.ConvertAll(whole, w => (float)w));
        return _metadata.TryGetSingles(Prefix + "scores", out var scores) ? CheckScores(scores) : [];
    }

    public string[] Merges()
    {
        if (!_metadata.TryGetStrings(Prefix + "merges", out var merges))
            throw Bad("merges", "is absent; a vocabulary of kind 'gpt2' needs merges");
        return merges;
    }

    private float[] CheckScores(float[] scores)
    {
        if (scores.Length < Texts.Length)
            throw Bad("scores", $"has {scores.Length} entries for {Texts.Length} tokens");
        var bad = Array.FindIndex(scores, float.IsNaN);
        if (bad >= 0)
            throw Bad("scores", $"score of token {bad} is not a number");
        return scores;
    }

    private string[] ReadTokens(out Dictionary<string, int> ids)
    {
        if (!_metadata.TryGetStrings(Prefix + "tokens", out var stored))
            throw Bad("tokens", "is absent");
        if (stored.Length is 0 or > TokensMax)
            throw Bad("tokens", $"has {stored.Length} entries; 1 to {TokensMax} are allowed");
        var texts = new string[stored.Length];
        ids = new Dictionary<string, int>(stored.Length, StringComparer.Ordinal);
        for (var id = 0; id < stored.Length; id++)
        {
            texts[id] = stored[id].Length == 0 ? $"[EMPTY_{id}]" : stored[id];
            if (!ids.TryAdd(texts[id], id))
                throw Bad("tokens", $"token '{texts[id]}' stands twice, as {ids[texts[id]]} and {id}");
        }

        return texts;
    }

    private TokenKind[] ReadKinds()
    {
        var kinds = new TokenKind[Texts.Length];
        if (!_metadata.TryGetInt32s(Prefix + "token_type", out var stored))
        {
            Array.Fill(kinds, TokenKind.Normal);
            return kinds;
        }

        if (stored.Length < kinds.Length)
            throw Bad("token_type", $"has {stored.Length} entries for {kinds.Length} tokens");
        for (var id = 0; id < kinds.Length; id++)
            kinds[id] = stored[id] is >= 0 and <= 6 ? (TokenKind)stored[id] : TokenKind.Undefined;
        return kinds;
    }

    /// <summary>Collects the ends of generation, and makes tokens that are control tokens by their spelling such, as llama.cpp does.</summary>
    private HashSet<int> FindEnds()
    {
        var ends = new HashSet<int>();
        foreach (var spellings in FillInTheMiddleEnds)
        {
            if (FirstOf(spellings) is { } id)
                ends.Add(id);
        }

        for (var id = 0; id < Texts.Length; id++)
        {
            if (EndOfGeneration.IsSpelling(Texts[id]))
                ends.Add(id);
        }

        foreach (var id in ends)
            Kinds[id] = TokenKind.Control;
        foreach (var spellings in FillInTheMiddleMarks)
        {
            if (FirstOf(spellings) is { } id)
                Kinds[id] = TokenKind.Control;
        }

        foreach (var id in (int?[])[EndOfTurn, EndOfMessage])
        {
            if (id is { } end)
                ends.Add(end);
        }

        // gpt-oss's channel markers are part of what it says.
        foreach (var spelling in (string[])["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"])
        {
            if (Find(spelling) is { } id)
                Kinds[id] = TokenKind.UserDefined;
        }

        var before = ends.ToArray();
        EndOfGeneration.DropInnerMarkers(ends, Find);
        foreach (var dropped in before.Where(id => !ends.Contains(id)))
            Kinds[dropped] = Texts[dropped] == "<|end|>" ? TokenKind.UserDefined : TokenKind.Normal;
        return ends;
    }

    private int? Find(string spelling) => Ids.TryGetValue(spelling, out var id) ? id : null;

    private int? FirstOf(string[] spellings) => spellings.Select(Find).FirstOrDefault(id => id is not null);
}
