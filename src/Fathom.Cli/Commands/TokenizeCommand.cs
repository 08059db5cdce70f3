using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Cli.Commands;

/// <summary>`fathom tokenize`: text to token ids and back, with the vocabulary of a model; its weights are not read.</summary>
internal static class TokenizeCommand
{
    private static readonly Setting<string?> Text = Settings.Text("--text", "TEXT", "The text itself.");
    private static readonly Setting<string?> TextFile = Settings.Text("--text-file", "F", "File that holds the text (UTF-8), or with --decode the token ids; - for standard input.");
    private static readonly Option<bool> Decode = new("--decode") { Description = "Token ids in (JSON {\"tokens\":[…]}, or numbers apart by spaces or commas), text out." };
    private static readonly Option<bool> AddSpecial = new("--add-special") { Description = "Add the tokens the model wants around a text, such as bos." };
    private static readonly Option<bool> ParseSpecial = new("--parse-special") { Description = "Read the spelling of a control token as that token." };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object: {\"tokens\":[…]} or {\"text\":\"…\"}." };

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private sealed record TokensReport(IReadOnlyList<int> Tokens);

    private sealed record TextReport(string Text);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "tokenize", "Turns text into token ids, or ids into text.", "fathom tokenize --model model.gguf --text-file prompt.txt --json",
        [ModelSource.Option.Option, Text.Option, TextFile.Option, Decode, AddSpecial, ParseSpecial, Json], terminal, RunAsync);

    /// <summary>The tokenizer of a GGUF file (also one that holds a vocabulary only) or a Hugging Face folder.</summary>
    public static Tokenizer LoadTokenizer(string path)
    {
        if (Directory.Exists(path))
            throw new CommandException("folder later");
        using var file = GgufFile.Open(path);
        return Tokenizer.FromGguf(file.Metadata);
    }

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var tokenizer = LoadTokenizer(ModelSource.Resolve(ModelSource.Option.Read(options)));
        var input = await ReadInputAsync(Text.Read(options), TextFile.Read(options), cancellation);
        var output = invocation.Terminal.Output;
        if (options.GetValue(Decode))
        {
            var text = tokenizer.Decode(ParseTokens(input, tokenizer.VocabularySize), skipSpecial: false);
            if (options.GetValue(Json))
                JsonReport.WriteLine(output, new TextReport(text));
            else
                await output.WriteLineAsync(text);
            return;
        }
        var tokens = tokenizer.Encode(input, options.GetValue(AddSpecial), options.GetValue(ParseSpecial));
        if (options.GetValue(Json))
        {
            JsonReport.WriteLine(output, new TokensReport(tokens));
            return;
        }
        foreach (var token in tokens)
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{token,7}  {JsonSerializer.Serialize(tokenizer.TokenText(token), JsonReport.Options)}"));
    }

    private static async Task<string> ReadInputAsync(string? text, string? file, CancellationToken cancellation)
    {
        if (text is null == file is null)
            throw new UsageException("tokenize: give one of --text and --text-file.");
        if (text is not null)
            return text;
        byte[] bytes;
        if (file == "-")
        {
            using var buffer = new MemoryStream();
            await using var input = Console.OpenStandardInput();
            await input.CopyToAsync(buffer, cancellation);
            bytes = buffer.ToArray();
        }
        else
        {
            bytes = await File.ReadAllBytesAsync(file!, cancellation);
        }
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new CommandException($"{file}: not valid UTF-8 at byte {error.Index}.");
        }
    }

    private static int[] ParseTokens(string text, int vocabularySize)
    {
        var words = text.TrimStart() is ['{' or '[', ..] ? JsonTokens(text) : text.Split([' ', ',', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return [.. words.Select(Parse)];

        int Parse(string word) =>
            int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var token) && token < vocabularySize
                ? token
                : throw new CommandException($"tokenize --decode: '{word}' is not a token id from 0 to {vocabularySize - 1}.");
    }

    private static string[] JsonTokens(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            var list = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("tokens", out var tokens) ? tokens : root;
            return list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray().Select(token => token.GetRawText())]
                : throw new CommandException("tokenize --decode: JSON input must be {\"tokens\":[…]} or a list of numbers.");
        }
        catch (JsonException error)
        {
            throw new CommandException($"tokenize --decode: not valid JSON at line {error.LineNumber + 1}.");
        }
    }
}
