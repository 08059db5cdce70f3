using System.Text.Json;
using Fathom.Models.Tokenization.Decoding;
using Fathom.Models.Tokenization.PreTokenization;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>Reads tokenizer.json and the files beside it.</summary>
internal static class TokenizerJsonFile
{
    private const long FileBytesMax = 256L * 1024 * 1024;

    /// <exception cref="TokenizerFormatException">tokenizer.json is absent, malformed, or uses a part that is not known here.</exception>
    public static HuggingFaceTokenizer Load(string folder)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        using var document = Parse(path, required: true)!;
        using var config = Parse(Path.Combine(folder, "tokenizer_config.json"), required: false);
        using var generation = Parse(Path.Combine(folder, "generation_config.json"), required: false);
        using var model = Parse(Path.Combine(folder, "config.json"), required: false);
        return Read(
            path, document.RootElement, Root(config, "tokenizer_config.json"), Root(generation, "generation_config.json"), Root(model, "config.json"));

        JsonField? Root(JsonDocument? file, string name) =>
            file is null ? null : new JsonField(file.RootElement, "", Path.Combine(folder, name));
    }

    /// <summary>A tokenizer from the bytes of a tokenizer.json alone.</summary>
    /// <exception cref="TokenizerFormatException">The bytes are no tokenizer that is known here.</exception>
    public static HuggingFaceTokenizer Read(ReadOnlyMemory<byte> json, string origin)
    {
        using var document = Parse(json, origin);
        return Read(origin, document.RootElement, null, null, null);
    }

    private static HuggingFaceTokenizer Read(
        string origin, JsonElement json, JsonField? config, JsonField? generation, JsonField? modelConfig)
    {
        var root = new JsonField(json, "", origin);
        if (root.Find("version") is { } version && version.Text() != "1.0")
            throw version.Bad($"version '{version.Text()}' is not supported; 1.0 is");
        var modelField = root.Need("model");
        var model = WordModelReader.Read(modelField);
        var added = AddedTokensOf(root, model);
        var texts = TextsOf(modelField, model, added);
        var addedIds = added.ToDictionary(t => t.Content, t => t.Id, StringComparer.Ordinal);
        var pre = PreTokenizerReader.Read(root.Find("pre_tokenizer"));
        var byteLetters = model.TakesBytes && pre is [.., ByteLetterSplitter];
        if (byteLetters)
            pre.RemoveAt(pre.Count - 1);
        var (before, after) = SpecialTokenTemplate.Read(root.Find("post_processor"), texts);
        var begin = TokenNamed(config, "bos_token", Find);
        var end = TokenNamed(config, "eos_token", Find);
        var parts = new TokenizerParts
        {
            Origin = origin,
            Find = Find,
            Texts = texts,
            AddedTokens = added,
            Normalizer = root.Find("normalizer") is { } normalizer ? NormalizerReader.Read(normalizer) : null,
            PreTokenizers = [.. pre],
            Model = model.Make(new BytePairContext(byteLetters, texts.Length, Reserved(added, texts.Length))),
            Decoders = root.Find("decoder") is { } decoder ? DecoderReader.Read(decoder) : [new SpaceJoinDecoder()],
            Before = before,
            After = after,
            BeginOfSequence = begin ?? IdsIn(modelConfig, "bos_token_id", texts.Length).Cast<int?>().FirstOrDefault(),
            EndOfSequence = end ?? IdsIn(modelConfig, "eos_token_id", texts.Length).Cast<int?>().FirstOrDefault(),
            EndsOfGeneration = EndsOf(added, end, IdsIn(generation, "eos_token_id", texts.Length), IdsIn(modelConfig, "eos_token_id", texts.Length)),
        };
        try
        {
            return new HuggingFaceTokenizer(parts);
        }
        catch (EffortException effort)
        {
            throw new TokenizerFormatException(origin, "added_tokens", effort.Message, effort);
        }

        int? Find(string text) => addedIds.TryGetValue(text, out var id) || model.Ids.TryGetValue(text, out id) ? id : null;
    }

    private static JsonDocument? Parse(string path, bool required)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (file.Length > FileBytesMax)
                throw new TokenizerFormatException(path, "(file)", $"has {file.Length} bytes; more than {FileBytesMax} are not read");
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return Parse(bytes, path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return required ? throw new TokenizerFormatException(path, "(file)", "is absent", missing) : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new TokenizerFormatException(path, "(file)", "cannot be read: " + unreadable.Message, unreadable);
        }
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> json, string origin)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
            json = json[3..];
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException malformed)
        {
            throw new TokenizerFormatException(
                origin, $"line {malformed.LineNumber + 1}", "is not JSON: " + malformed.Message.Split(" LineNumber", 2)[0], malformed);
        }
    }

    private static List<AddedToken> AddedTokensOf(JsonField root, WordModelDraft model)
    {
        var tokens = new List<AddedToken>();
        if (root.Find("added_tokens") is not { } field)
            return tokens;
        var taken = new HashSet<int>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in field.Items())
        {
            var content = entry.Need("content").Text();
            if (content.Length == 0)
                continue;
            // The model's own id wins, as in the reference; the file's counts for tokens that the model lacks.
            var id = model.Ids.TryGetValue(content, out var known) ? known : entry.Need("id").Whole(int.MaxValue - 1);
            if (!contents.Add(content))
                throw entry.Bad($"added token '{content}' stands twice");
            if (!taken.Add(id))
                throw entry.Bad($"token '{content}' has id {id}, as another added token has");
            tokens.Add(new AddedToken(
                content, id, Flag("single_word"), Flag("lstrip"), Flag("rstrip"), entry.Find("normalized")?.Flag() ?? !Flag("special"), Flag("special")));

            bool Flag(string name) => entry.Find(name)?.Flag() ?? false;
        }

        return tokens;
    }

    /// <summary>Spellings by id. A file may leave a few ids out, but must not make a table out of one number.</summary>
    private static string?[] TextsOf(JsonField modelField, WordModelDraft model, List<AddedToken> added)
    {
        const int holesMax = 1 << 16;
        var highest = -1;
        foreach (var id in model.Ids.Values)
            highest = Math.Max(highest, id);
        foreach (var token in added)
            highest = Math.Max(highest, token.Id);
        if (highest < 0)
            throw modelField.Bad("vocab", "holds no token");
        if (highest >= model.Ids.Count + added.Count + holesMax)
            throw modelField.Bad("vocab", $"id {highest} is far outside a vocabulary of {model.Ids.Count + added.Count} tokens");
        var texts = new string?[highest + 1];
        foreach (var (text, id) in model.Ids)
        {
            if (texts[id] is { } other)
                throw modelField.Bad("vocab", $"tokens '{other}' and '{text}' both have id {id}");
            texts[id] = text;
        }

        foreach (var token in added)
        {
            if (texts[token.Id] is { } other && other != token.Content)
                throw modelField.Bad("vocab", $"token '{other}' and added token '{token.Content}' both have id {token.Id}");
            texts[token.Id] = token.Content;
        }

        return texts;
    }

    private static bool[] Reserved(List<AddedToken> added, int size)
    {
        var reserved = new bool[size];
        foreach (var token in added)
            reserved[token.Id] = token.Special;
        return reserved;
    }

    /// <summary>The id of a token that tokenizer_config.json names, as a string or as an object with content.</summary>
    private static int? TokenNamed(JsonField? config, string name, Func<string, int?> find)
    {
        if (config?.Find(name) is not { } field)
            return null;
        var text = field.IsObject ? field.Need("content").Text() : field.Text();
        return find(text);
    }

    /// <summary>A number or an array of numbers; ids outside the vocabulary are of a model padded beyond its tokenizer.</summary>
    private static List<int> IdsIn(JsonField? config, string name, int size)
    {
        if (config is not { IsObject: true } || config.Value.Find(name) is not { } field)
            return [];
        var fields = field.IsArray ? field.Items() : [field];
        return [.. fields.Select(f => f.Whole(int.MaxValue)).Where(id => id < size)];
    }

    private static HashSet<int> EndsOf(List<AddedToken> added, int? end, params ReadOnlySpan<List<int>> named)
    {
        var ends = new HashSet<int>(added.Where(t => EndOfGeneration.IsSpelling(t.Content)).Select(t => t.Id));
        EndOfGeneration.DropInnerMarkers(ends, spelling => added.FirstOrDefault(t => t.Content == spelling)?.Id);
        foreach (var ids in named)
            ends.UnionWith(ids);
        if (end is { } last)
            ends.Add(last);
        return ends;
    }
}
