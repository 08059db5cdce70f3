using System.Text.Json;

namespace Fathom.Models.HuggingFace;

/// <summary>Finds the name that GGUF gives to the way a byte-level tokenizer.json cuts text into words.</summary>
internal static class WordPatternName
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Tail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The patterns of published tokenizers, as they spell them.</summary>
    private static readonly Dictionary<string, string> ByPattern = new(StringComparer.Ordinal)
    {
        [Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + Tail] = "llama-bpe",
        [Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + Tail] = "qwen2",
        [@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"] = "tekken",
        [@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"] = "gpt-4o",
    };

    /// <exception cref="UnsupportedModelException">The cut has no name.</exception>
    public static string Find(string origin, JsonElement root)
    {
        List<JsonElement> steps = TokenizerJson.StepsOf(root, "pre_tokenizer", "pretokenizers");
        string? pattern = null;
        bool digits = false;
        bool byteLevel = false;
        bool gpt2Words = false;
        foreach (JsonElement step in steps)
        {
            switch (TokenizerJson.TypeOf(step))
            {
                case "ByteLevel":
                    byteLevel = true;
                    gpt2Words = !step.TryGetProperty("use_regex", out JsonElement use) || use.ValueKind != JsonValueKind.False;
                    break;
                case "Digits":
                    digits = step.TryGetProperty("individual_digits", out JsonElement single) && single.ValueKind == JsonValueKind.True;
                    break;
                case "Split" when pattern is null && step.TryGetProperty("pattern", out JsonElement split) && split.ValueKind == JsonValueKind.Object
                    && split.TryGetProperty("Regex", out JsonElement regex) && regex.ValueKind == JsonValueKind.String:
                    pattern = regex.GetString();
                    break;
                default:
                    throw Unnamed(origin, $"step {step.GetRawText()}");
            }
        }

        if (!byteLevel)
            throw Unnamed(origin, "no ByteLevel step");
        if (pattern is null && gpt2Words)
            return digits ? "starcoder" : "gpt-2";
        if (pattern is not null && !digits && !gpt2Words && ByPattern.TryGetValue(pattern, out string? name))
            return name;
        throw Unnamed(origin, pattern ?? "no pattern");
    }

    private static UnsupportedModelException Unnamed(string origin, string what) =>
        new(origin, "pre_tokenizer", $"GGUF has no name known here for this way to cut words: {what}");
}
