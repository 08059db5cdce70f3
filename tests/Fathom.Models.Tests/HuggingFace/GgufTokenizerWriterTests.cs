using System.Text.Json;
using System.Text.Json.Nodes;
using Fathom.Models.Gguf;
using Fathom.Models.HuggingFace;
using Fathom.Models.Tests.Tokenization;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.HuggingFace;

/// <summary>Real vocabularies, turned into tokenizer.json as their converters do, must come back as the same tokenizer.</summary>
public sealed class GgufTokenizerWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Write_ByteLevelVocabulary_TokenizesAsTheOriginal()
    {
        Skip.If(SharedVocabularies.Folder is null, SharedVocabularies.WhyAbsent);
        using GgufFile original = Open("gpt-2");
        JsonObject json = Json(original.Metadata, original.Metadata.GetStrings("tokenizer.ggml.merges"), byteFallback: false);
        json["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false };
        GgufMetadata written = Write(json, original.Metadata, padding: 7);

        Assert.Equal("gpt-2", written.GetString("tokenizer.ggml.pre"));
        string[] tokens = written.GetStrings("tokenizer.ggml.tokens");
        Assert.Equal("[PAD50258]", tokens[50258]);
        RequireCases("gpt-2", written);
    }

    [SkippableFact]
    public void Write_SentencePieceVocabulary_TokenizesAsTheOriginal()
    {
        Skip.If(SharedVocabularies.Folder is null, SharedVocabularies.WhyAbsent);
        using GgufFile original = Open("llama-spm");
        JsonObject json = Json(original.Metadata, MergesFromScores(original.Metadata), byteFallback: true);
        json["normalizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["normalizers"] = new JsonArray(
                new JsonObject { ["type"] = "Prepend", ["prepend"] = "▁" },
                new JsonObject { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = " " }, ["content"] = "▁" }),
        };
        GgufMetadata written = Write(json, original.Metadata, padding: 0);
        Assert.Equal("llama", written.GetString("tokenizer.ggml.model"));
        Assert.Equal(1, written.GetInt32("tokenizer.ggml.bos_token_id"));
        RequireCases("llama-spm", written);
    }

    [Theory]
    [InlineData("{}", "model: is not an object")]
    [InlineData("{\"model\":{\"type\":\"WordPiece\"}}", "is WordPiece")]
    [InlineData("{\"model\":{\"type\":\"BPE\"}}", "model.vocab")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0}}}", "model.merges")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":8},\"merges\":[]}}", "has the id 8")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":1,\"b\":1},\"merges\":[]}}", "has the id 1 of another token")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}", "merges[0]")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", "no ByteLevel step")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"Whitespace\"}}", "no name known here")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":[1]}", "added_tokens")]
    public void Write_BadTokenizerJson_NamesTheCause(string json, string expected)
    {
        File.WriteAllText(_folder.File("tokenizer.json"), json);
        File.WriteAllText(_folder.File("config.json"), "{}");
        var error = Assert.ThrowsAny<ModelException>(() => GgufTokenizerWriter.Write(_folder.Path, 8, new GgufMetadata("test")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static GgufFile Open(string name) => GgufFile.Open(Path.Combine(SharedVocabularies.Folder!, $"ggml-vocab-{name}.gguf"));

    private static void RequireCases(string name, GgufMetadata written)
    {
        Tokenizer tokenizer = Tokenizer.FromGguf(written);
        foreach ((string text, int[] tokens) in SharedVocabularies.Cases(name))
            Assert.Equal(tokens, tokenizer.Encode(text, addSpecial: false, parseSpecial: false));
    }

    private static JsonObject Json(GgufMetadata metadata, string[] merges, bool byteFallback)
    {
        string[] tokens = metadata.GetStrings("tokenizer.ggml.tokens");
        Assert.True(metadata.TryGetInt32s("tokenizer.ggml.token_type", out int[]? types));
        var vocabulary = new JsonObject();
        var added = new JsonArray();
        for (int id = 0; id < tokens.Length; id++)
        {
            if (types[id] is 2 or 3)
                added.Add(new JsonObject { ["id"] = id, ["content"] = tokens[id], ["special"] = true });
            vocabulary[tokens[id]] = id;
        }

        return new JsonObject
        {
            ["added_tokens"] = added,
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["byte_fallback"] = byteFallback,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]),
            },
        };
    }

    /// <summary>Every way to split a piece into two pieces, the pieces of the best score first: what slow-to-fast converters do.</summary>
    private static string[] MergesFromScores(GgufMetadata metadata)
    {
        string[] tokens = metadata.GetStrings("tokenizer.ggml.tokens");
        Assert.True(metadata.TryGetSingles("tokenizer.ggml.scores", out float[]? scores));
        var ids = tokens.Select((text, id) => (text, id)).ToDictionary(t => t.text, t => t.id);
        var merges = new List<(float Score, string Merge)>();
        for (int id = 259; id < tokens.Length; id++)
        {
            for (int cut = 1; cut < tokens[id].Length; cut++)
            {
                if (ids.ContainsKey(tokens[id][..cut]) && ids.ContainsKey(tokens[id][cut..]))
                    merges.Add((scores[id], $"{tokens[id][..cut]} {tokens[id][cut..]}"));
            }
        }

        return [.. merges.OrderByDescending(merge => merge.Score).Select(merge => merge.Merge)];
    }

    private GgufMetadata Write(JsonObject json, GgufMetadata original, int padding)
    {
        string[] tokens = original.GetStrings("tokenizer.ggml.tokens");
        File.WriteAllText(_folder.File("tokenizer.json"), json.ToJsonString());
        int? bos = original.TryGetInt32("tokenizer.ggml.bos_token_id", out int id) ? id : null;
        File.WriteAllText(_folder.File("config.json"), JsonSerializer.Serialize(new { bos_token_id = bos }));
        File.WriteAllText(_folder.File("tokenizer_config.json"), JsonSerializer.Serialize(new
        {
            bos_token = bos is { } b ? new { content = tokens[b] } : null,
        }));
        var metadata = new GgufMetadata("test");
        GgufTokenizerWriter.Write(_folder.Path, tokens.Length + padding, metadata);
        return metadata;
    }
}
