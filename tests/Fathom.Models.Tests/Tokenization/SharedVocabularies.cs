using System.Globalization;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.Tokenization;

/// <summary>Vocabularies of real models and what their own tokenizers make of some texts; absent on machines without the data folder.</summary>
internal static class SharedVocabularies
{
    public const string WhyAbsent = "../shared/data/tokenizers is not there";

    public static string? Folder { get; } = FindFolder();

    public static Tokenizer Load(string name)
    {
        using var file = GgufFile.Open(Path.Combine(Folder!, $"ggml-vocab-{name}.gguf"));
        return Tokenizer.FromGguf(file.Metadata);
    }

    /// <summary>Texts and the token ids expected of them.</summary>
    public static IEnumerable<(string Text, int[] Tokens)> Cases(string name)
    {
        var path = Path.Combine(Folder!, $"ggml-vocab-{name}.gguf");
        var texts = File.ReadAllText(path + ".inp").Split("\n__ggml_vocab_test__\n")[..^1];
        var lines = File.ReadAllLines(path + ".out");
        Assert.Equal(texts.Length, lines.Length);
        return texts.Zip(lines, (text, line) => (text, Array.ConvertAll(
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries), n => int.Parse(n, CultureInfo.InvariantCulture))));
    }

    private static string? FindFolder()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (!File.Exists(Path.Combine(at.FullName, "Fathom.slnx")))
                continue;
            var folder = Path.Combine(at.FullName, "..", "shared", "data", "tokenizers");
            return Directory.Exists(folder) ? folder : null;
        }

        return null;
    }
}
