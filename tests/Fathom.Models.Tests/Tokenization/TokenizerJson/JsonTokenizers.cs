using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;
using Fathom.Models.Tokenization.TokenizerJson;

namespace Fathom.Models.Tests.Tokenization.TokenizerJson;

/// <summary>Makes tokenizer.json files for tests.</summary>
internal static class JsonTokenizers
{
    public const string Llama3Split =
        """{"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false}""";

    public const string ByteLevelOnly = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}""";

    /// <summary>A tokenizer.json of parts given as JSON; null leaves a part out.</summary>
    public static string Compose(
        string model, string? preTokenizer = null, string? normalizer = null, string? decoder = null, string? postProcessor = null, string? added = null) => $$"""
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":{{added ?? "[]"}},"normalizer":{{normalizer ?? "null"}},
         "pre_tokenizer":{{preTokenizer ?? "null"}},"post_processor":{{postProcessor ?? "null"}},"decoder":{{decoder ?? "null"}},"model":{{model}}}
        """;

    public static Tokenizer Parse(string json) => TokenizerJsonFile.Read(Encoding.UTF8.GetBytes(json), "tokenizer.json");

    /// <summary>A model whose words are the tokens a, b, … with the rest unknown: shows how text was cut.</summary>
    public static string WordLevel(params string[] words) =>
        $$"""{"type":"WordLevel","vocab":{{Vocabulary([.. words, "[UNK]"])}},"unk_token":"[UNK]"}""";

    public static string Vocabulary(params string[] tokens)
    {
        var vocabulary = new JsonObject();
        for (var id = 0; id < tokens.Length; id++)
            vocabulary.Add(tokens[id], id);
        return vocabulary.ToJsonString();
    }

    public static string Added(string content, int id, bool special = false, bool lstrip = false, bool rstrip = false, bool normalized = false, bool singleWord = false) =>
        JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["id"] = id, ["content"] = content, ["single_word"] = singleWord, ["lstrip"] = lstrip, ["rstrip"] = rstrip, ["normalized"] = normalized, ["special"] = special,
        });

    /// <summary>The tokenizer.json that says the same as a byte-level GGUF vocabulary.</summary>
    public static string FromByteLevel(GgufMetadata metadata, string preTokenizer) => Compose(
        Bpe(metadata.GetStrings("tokenizer.ggml.tokens"), metadata.GetStrings("tokenizer.ggml.merges").Select(m => JsonValue.Create(m)), "{}"),
        preTokenizer, decoder: """{"type":"ByteLevel"}""");

    /// <summary>The tokenizer.json that converters make of a SentencePiece vocabulary: each way to cut a piece in two is a merge, best piece first.</summary>
    public static string FromSentencePiece(GgufMetadata metadata)
    {
        var tokens = metadata.GetStrings("tokenizer.ggml.tokens");
        Assert.True(metadata.TryGetSingles("tokenizer.ggml.scores", out var scores));
        var ids = tokens.Select((t, i) => (t, i)).ToDictionary(e => e.t, e => e.i, StringComparer.Ordinal);
        var merges = new List<(float Score, int Left, int Right)>();
        for (var id = 3 + 256; id < tokens.Length; id++)
        {
            for (var cut = 1; cut < tokens[id].Length; cut++)
            {
                if (ids.TryGetValue(tokens[id][..cut], out var left) && ids.TryGetValue(tokens[id][cut..], out var right))
                    merges.Add((scores[id], left, right));
            }
        }

        var ordered = merges.OrderByDescending(m => m.Score).Select(m => (JsonNode)new JsonArray(tokens[m.Left], tokens[m.Right]));
        return Compose(
            Bpe(tokens, ordered, """{"unk_token":"<unk>","fuse_unk":true,"byte_fallback":true}"""),
            normalizer: """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}""",
            decoder: """
                {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
                {"type":"Strip","content":" ","start":1,"stop":0}]}
                """);
    }

    private static string Bpe(string[] tokens, IEnumerable<JsonNode?> merges, string options)
    {
        var model = JsonNode.Parse(options)!.AsObject();
        model["type"] = "BPE";
        model["vocab"] = JsonNode.Parse(Vocabulary(tokens));
        model["merges"] = new JsonArray([.. merges]);
        return model.ToJsonString();
    }
}
