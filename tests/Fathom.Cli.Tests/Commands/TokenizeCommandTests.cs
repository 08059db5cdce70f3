using System.Text.Json;

namespace Fathom.Cli.Tests.Commands;

public sealed class TokenizeCommandTests(TinyModel model) : IClassFixture<TinyModel>
{
    [Fact]
    public async Task Tokenize_ThenDecode_GivesTheTextBack()
    {
        const string Text = "\uFEFFA naïve café,\r\n  日本 🦙\t";
        var (textFile, tokenFile) = (model.PathOf("text.txt"), model.PathOf("tokens.json"));
        await File.WriteAllBytesAsync(textFile, System.Text.Encoding.UTF8.GetBytes(Text));
        var tokens = await FathomRun.Start("tokenize", "--model", model.Path, "--text-file", textFile, "--json");
        Assert.Equal((0, ""), (tokens.ExitCode, tokens.Error));
        await File.WriteAllTextAsync(tokenFile, tokens.Output);
        var text = await FathomRun.Start("tokenize", "--model", model.Path, "--text-file", tokenFile, "--decode", "--json");
        Assert.Equal(Text, JsonDocument.Parse(text.Output).RootElement.GetProperty("text").GetString());
    }

    [Theory]
    [InlineData("tokenize --decode: '99999' is not a token id", "[1, 99999]")]
    [InlineData("tokenize --decode: '-1' is not a token id", "1 -1")]
    [InlineData("tokenize --decode: not valid JSON at line 1", "{\"tokens\": [1")]
    [InlineData("tokenize --decode: JSON input must be", "{\"token\": [1]}")]
    public async Task Decode_BadTokens_AreNamed(string message, string tokens)
    {
        var run = await FathomRun.Start("tokenize", "--model", model.Path, "--text", tokens, "--decode");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_InvalidUtf8_NamesTheByte()
    {
        var file = model.PathOf("bad.txt");
        await File.WriteAllBytesAsync(file, [0x61, 0xC3, 0x28]);
        var run = await FathomRun.Start("tokenize", "--model", model.Path, "--text-file", file);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("not valid UTF-8 at byte 1", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_NoInput_IsWrongUsage()
    {
        var run = await FathomRun.Start("tokenize", "--model", model.Path);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--text-file", run.Error, StringComparison.Ordinal);
    }
}
