using System.Globalization;
using System.Text.Json;
using Fathom.Models.Gguf;

namespace Fathom.Models.HuggingFace;

/// <summary>Translates a folder's tokenizer.json and its companions to the <c>tokenizer.ggml.*</c> keys.</summary>
/// <remarks>
/// Byte-level BPE becomes the kind <c>gpt2</c> with the name of its way to cut words, BPE with byte fallback the kind
/// <c>llama</c>, whose scores follow the order of merges. Anything else has no counterpart and is refused.
/// </remarks>
internal static class GgufTokenizerWriter
{
    private const long FileBytesMax = 256 << 20;
    private const int Normal = 1;
    private const int Unknown = 2;
    private const int Control = 3;
    private const int UserDefined = 4;
    private const int Unused = 5;
    private const int Byte = 6;

    public static void Write(string folder, int vocabularySize, GgufMetadata metadata)
    {
        string path = Path.Combine(folder, "tokenizer.json");
        if (new FileInfo(path).Length > FileBytesMax)
            throw new HuggingFaceFormatException(path, "file", $"has more than {FileBytesMax} bytes");
        using JsonDocument document = StrictJson.Parse(File.ReadAllBytes(path), out string problem, out Exception? cause)
            ?? throw new HuggingFaceFormatException(path, "file", problem, cause);
        var file = new TokenizerJson(path, document.RootElement);
        Dictionary<string, int> ids = file.Vocabulary(vocabularySize);
        string[] merges = file.Merges();
        bool byteFallback = file.UsesByteFallback;
        string? pre = byteFallback ? null : WordPatternName.Find(path, document.RootElement);

        var tokens = new string[vocabularySize];
        var types = new int[vocabularySize];
        foreach ((string text, int id) in ids)
        {
            tokens[id] = text;
            types[id] = byteFallback && IsByte(text) ? Byte : Normal;
        }

        foreach ((string text, int id, bool special) in file.AddedTokens(vocabularySize))
        {
            tokens[id] = text;
            types[id] = special ? Control : UserDefined;
            ids[text] = id;
        }

        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] is not null)
                continue;
            // Rows of the embedding beyond the tokenizer are padding.
            tokens[id] = string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]");
            types[id] = Unused;
        }

        metadata.Set("tokenizer.ggml.model", byteFallback ? "llama" : "gpt2");
        metadata.Set("tokenizer.ggml.pre", pre ?? "default");
        metadata.Set("tokenizer.ggml.tokens", tokens);
        if (byteFallback)
        {
            metadata.Set("tokenizer.ggml.scores", Scores(tokens, merges));
            metadata.Set("tokenizer.ggml.add_space_prefix", file.AddsSpacePrefix);
        }
        else
        {
            metadata.Set("tokenizer.ggml.merges", merges);
        }

        WriteSpecialTokens(folder, file, ids, types, metadata);
        metadata.Set("tokenizer.ggml.token_type", types);
    }

    private static bool IsByte(string text) =>
        text.Length == 6 && text.StartsWith("<0x", StringComparison.Ordinal) && text[5] == '>'
        && byte.TryParse(text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);

    /// <summary>A piece's score is minus the rank of the first merge that makes it; pieces that no merge makes come last.</summary>
    private static float[] Scores(string[] tokens, string[] merges)
    {
        var ranks = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int rank = 0; rank < merges.Length; rank++)
            ranks.TryAdd(merges[rank].Replace(" ", string.Empty, StringComparison.Ordinal), rank);
        var scores = new float[tokens.Length];
        for (int id = 0; id < tokens.Length; id++)
            scores[id] = -(ranks.TryGetValue(tokens[id], out int rank) ? rank : merges.Length);
        return scores;
    }

    private static void WriteSpecialTokens(string folder, TokenizerJson file, Dictionary<string, int> ids, int[] types, GgufMetadata metadata)
    {
        HuggingFaceConfig config = HuggingFaceConfig.Read(Path.Combine(folder, "config.json"));
        HuggingFaceConfig? tokenizer = HuggingFaceConfig.ReadOptional(Path.Combine(folder, "tokenizer_config.json"));
        foreach ((string name, string key) in new[] { ("bos", "bos_token_id"), ("eos", "eos_token_id"), ("unk", "unknown_token_id"), ("pad", "padding_token_id") })
        {
            int? id = TokenOf(tokenizer, name, ids) ?? (name is "bos" or "eos" ? FirstId(config, name + "_token_id", types.Length) : null);
            if (id is not { } found)
                continue;
            metadata.Set("tokenizer.ggml." + key, (uint)found);
            if (name == "unk" && types[found] == Normal)
                types[found] = Unknown;
        }

        bool? addBos = tokenizer is not null && tokenizer.Has("add_bos_token")
            ? tokenizer.Boolean("add_bos_token", absent: false)
            : TokenOf(tokenizer, "bos", ids) is null ? null : file.TemplateStartsWith(ids, metadata);
        if (addBos is { } add)
            metadata.Set("tokenizer.ggml.add_bos_token", add);
        if (tokenizer is not null && tokenizer.Has("add_eos_token"))
            metadata.Set("tokenizer.ggml.add_eos_token", tokenizer.Boolean("add_eos_token", absent: false));
    }

    /// <summary>Id of a token that tokenizer_config.json names by its text, plainly or as an object with content.</summary>
    private static int? TokenOf(HuggingFaceConfig? tokenizer, string name, Dictionary<string, int> ids)
    {
        string field = name + "_token";
        if (tokenizer is null || !tokenizer.TryGet(field, out JsonElement value))
            return null;
        string? text = value.ValueKind == JsonValueKind.Object ? tokenizer.Object(field)!.Text("content") : tokenizer.Text(field);
        return text is not null && ids.TryGetValue(text, out int id) ? id : null;
    }

    private static int? FirstId(HuggingFaceConfig config, string field, int count)
    {
        if (!config.TryGet(field, out JsonElement value))
            return null;
        if (value.ValueKind == JsonValueKind.Array)
            return value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Number && value[0].TryGetInt32(out int first) && (uint)first < (uint)count ? first : null;
        return config.Int(field, 0, count - 1);
    }
}
