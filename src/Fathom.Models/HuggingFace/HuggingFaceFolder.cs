using System.Text.Json;
using Fathom.Models.Architectures;

namespace Fathom.Models.HuggingFace;

/// <summary>The JSON files of a Hugging Face folder that describe the model.</summary>
internal static class HuggingFaceFolder
{
    private const int TemplateBytesMax = 4 << 20;

    /// <summary>Reads config.json and finds the architecture that implements it.</summary>
    public static (ArchitectureFamily Family, ModelConfig Config) ReadConfig(string folder)
    {
        HuggingFaceConfig config = HuggingFaceConfig.Read(Path.Combine(folder, "config.json"));
        IReadOnlyList<string> classes = config.Texts("architectures") ?? throw config.Missing("architectures");
        ArchitectureFamily family = ArchitectureFamily.All.FirstOrDefault(f => classes.Any(f.HuggingFaceClasses.Contains))
            ?? throw config.Unsupported(
                "architectures",
                $"is {string.Join(", ", classes)}; implemented are {string.Join(", ", ArchitectureFamily.All.SelectMany(f => f.HuggingFaceClasses))}");
        if (config.Has("quantization_config"))
            throw config.Unsupported("quantization_config", "quantised checkpoints are read as GGUF only");
        return (family, family.FromHuggingFace(config));
    }

    /// <summary>chat_template.jinja, or the template in tokenizer_config.json (the one named default when there are several).</summary>
    public static string? ReadChatTemplate(string folder)
    {
        string file = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(file))
        {
            long length = new FileInfo(file).Length;
            return length <= TemplateBytesMax
                ? File.ReadAllText(file)
                : throw new HuggingFaceFormatException(file, "file", $"has {length} bytes; at most {TemplateBytesMax} are read");
        }

        HuggingFaceConfig? tokenizer = HuggingFaceConfig.ReadOptional(Path.Combine(folder, "tokenizer_config.json"));
        if (tokenizer is null || !tokenizer.TryGet("chat_template", out JsonElement template))
            return null;
        if (template.ValueKind == JsonValueKind.String)
            return template.GetString();
        if (template.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement entry in template.EnumerateArray())
            {
                if (entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("name", out JsonElement name)
                    && name.ValueKind == JsonValueKind.String && name.ValueEquals("default")
                    && entry.TryGetProperty("template", out JsonElement source) && source.ValueKind == JsonValueKind.String)
                {
                    return source.GetString();
                }
            }
        }

        throw new HuggingFaceFormatException(tokenizer.Origin, "chat_template", "is neither a string nor a list with one named default");
    }
}
