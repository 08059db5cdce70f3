using System.Text.Json;
using Fathom.Models.Gguf;

namespace Fathom.Models.HuggingFace;

/// <summary>The parts of a tokenizer.json that GGUF has keys for.</summary>
internal sealed class TokenizerJson
{
    private readonly string _origin;
    private readonly JsonElement _root;
    private readonly JsonElement _model;

    public TokenizerJson(string origin, JsonElement root)
    {
        _origin = origin;
        _root = root;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out _model) || _model.ValueKind != JsonValueKind.Object)
            throw new HuggingFaceFormatException(origin, "model", "is not an object");
        // Old files leave the type out.
        string? type = _model.TryGetProperty("type", out JsonElement stated) && stated.ValueKind == JsonValueKind.String ? stated.GetString() : "BPE";
        if (type != "BPE")
            throw new UnsupportedModelException(origin, "model.type", $"is {type}; only BPE has a counterpart in GGUF");
    }

    public bool UsesByteFallback => _model.TryGetProperty("byte_fallback", out JsonElement value) && value.ValueKind == JsonValueKind.True;

    /// <summary>Whether a space is put before a text: a Prepend normalizer, or a Metaspace that prepends.</summary>
    public bool AddsSpacePrefix => Steps("normalizer", "normalizers").Any(step => TypeOf(step) == "Prepend")
        || Steps("pre_tokenizer", "pretokenizers").Any(step => TypeOf(step) == "Metaspace" && Prepends(step));

    /// <summary>Token texts and ids below <paramref name="count"/>.</summary>
    public Dictionary<string, int> Vocabulary(int count)
    {
        if (!_model.TryGetProperty("vocab", out JsonElement vocabulary) || vocabulary.ValueKind != JsonValueKind.Object)
            throw new HuggingFaceFormatException(_origin, "model.vocab", "is not an object");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var taken = new bool[count];
        foreach (JsonProperty entry in vocabulary.EnumerateObject())
        {
            int id = Id(entry.Value, count, "model.vocab." + entry.Name);
            if (taken[id])
                throw new HuggingFaceFormatException(_origin, "model.vocab." + entry.Name, $"has the id {id} of another token");
            taken[id] = true;
            ids.Add(entry.Name, id);
        }

        return ids;
    }

    /// <summary>Merges as "left right"; newer files keep them as pairs.</summary>
    public string[] Merges()
    {
        if (!_model.TryGetProperty("merges", out JsonElement merges) || merges.ValueKind != JsonValueKind.Array)
            throw new HuggingFaceFormatException(_origin, "model.merges", "is not an array");
        var texts = new string[merges.GetArrayLength()];
        int i = 0;
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            bool pair = merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
                && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String;
            texts[i] = merge.ValueKind == JsonValueKind.String ? merge.GetString()!
                : pair ? $"{merge[0].GetString()} {merge[1].GetString()}"
                : throw new HuggingFaceFormatException(_origin, $"model.merges[{i}]", $"is {merge.GetRawText()}, not two pieces");
            i++;
        }

        return texts;
    }

    public IEnumerable<(string Text, int Id, bool Special)> AddedTokens(int count)
    {
        if (!_root.TryGetProperty("added_tokens", out JsonElement added) || added.ValueKind != JsonValueKind.Array)
            yield break;
        foreach (JsonElement token in added.EnumerateArray())
        {
            if (token.ValueKind != JsonValueKind.Object || !token.TryGetProperty("content", out JsonElement content)
                || content.ValueKind != JsonValueKind.String || !token.TryGetProperty("id", out JsonElement id))
            {
                throw new HuggingFaceFormatException(_origin, "added_tokens", $"has an entry without id and content: {token.GetRawText()}");
            }

            // Tokens beyond the embedding cannot be used by this model.
            if (id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int number) && number >= count)
                continue;
            bool special = token.TryGetProperty("special", out JsonElement flag) && flag.ValueKind == JsonValueKind.True;
            yield return (content.GetString()!, Id(id, count, "added_tokens"), special);
        }
    }

    /// <summary>Whether the post-processor puts the bos token, already in <paramref name="metadata"/>, before a text.</summary>
    public bool TemplateStartsWith(Dictionary<string, int> ids, GgufMetadata metadata)
    {
        if (!metadata.TryGetInt32("tokenizer.ggml.bos_token_id", out int bos))
            return false;
        foreach (JsonElement step in Steps("post_processor", "processors"))
        {
            if (TypeOf(step) == "TemplateProcessing" && step.TryGetProperty("single", out JsonElement single)
                && single.ValueKind == JsonValueKind.Array && single.GetArrayLength() > 0
                && single[0].ValueKind == JsonValueKind.Object && single[0].TryGetProperty("SpecialToken", out JsonElement token)
                && token.ValueKind == JsonValueKind.Object && token.TryGetProperty("id", out JsonElement text) && text.ValueKind == JsonValueKind.String)
            {
                return ids.TryGetValue(text.GetString()!, out int id) && id == bos;
            }
        }

        return false;
    }

    /// <summary>The steps of a part that may be one step or a sequence of them.</summary>
    public static List<JsonElement> StepsOf(JsonElement root, string part, string list)
    {
        if (!root.TryGetProperty(part, out JsonElement step) || step.ValueKind != JsonValueKind.Object)
            return [];
        if (TypeOf(step) == "Sequence" && step.TryGetProperty(list, out JsonElement steps) && steps.ValueKind == JsonValueKind.Array)
            return [.. steps.EnumerateArray().Where(s => s.ValueKind == JsonValueKind.Object)];
        return [step];
    }

    public static string? TypeOf(JsonElement step) =>
        step.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;

    private static bool Prepends(JsonElement metaspace)
    {
        if (metaspace.TryGetProperty("prepend_scheme", out JsonElement scheme) && scheme.ValueKind == JsonValueKind.String)
            return !scheme.ValueEquals("never");
        return !metaspace.TryGetProperty("add_prefix_space", out JsonElement add) || add.ValueKind == JsonValueKind.True;
    }

    private List<JsonElement> Steps(string part, string list) => StepsOf(_root, part, list);

    private int Id(JsonElement value, int count, string field) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && (uint)id < (uint)count
            ? id
            : throw new HuggingFaceFormatException(_origin, field, $"has the id {value.GetRawText()}; the model has {count} tokens");
}
