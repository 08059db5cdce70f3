using System.Text.Json;

namespace Fathom.Cli.Tests.Commands;

public sealed class ModelCommandsTests(TinyModel model) : IClassFixture<TinyModel>
{
    [Fact]
    public async Task Inspect_Synthesized_TellsShapeAndTensors()
    {
        var run = await FathomRun.Start("model", "inspect", model.Path, "--json");
        using var report = JsonDocument.Parse(run.Output);
        var root = report.RootElement;
        Assert.Equal("GGUF v3", root.GetProperty("format").GetString());
        Assert.Equal("llama", root.GetProperty("architecture").GetString());
        Assert.Equal(256, root.GetProperty("metadata").GetProperty("llama.embedding_length").GetInt32());
        Assert.Contains(root.GetProperty("tensors").EnumerateArray(), tensor => tensor.GetProperty("name").GetString() == "blk.1.ffn_down.weight");
        Assert.True(root.GetProperty("parameters").GetInt64() > 1_000_000);
    }

    [Fact]
    public async Task Synthesize_SameSeed_GivesTheSameBytes()
    {
        var again = model.PathOf("again.gguf");
        await FathomRun.Start("model", "synthesize", "--shape", "tiny", "--type", "f16", "--seed", "7", "--out", again, "--threads", "1");
        Assert.Equal(await File.ReadAllBytesAsync(model.Path), await File.ReadAllBytesAsync(again));
    }

    [Theory]
    [InlineData("q8_0")]
    [InlineData("q4_0")]
    [InlineData("q4_k")]
    [InlineData("q4_k_m")]
    [InlineData("q6_k")]
    public async Task Quantize_ThenLogits_StayNearTheOriginal(string type)
    {
        var quantized = model.PathOf($"{type}.gguf");
        var run = await FathomRun.Start("model", "quantize", "--type", type, model.Path, quantized);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.True(new FileInfo(quantized).Length < new FileInfo(model.Path).Length);
        var (expected, actual) = (await Logits(model.Path), await Logits(quantized));
        var error = Math.Sqrt(expected.Zip(actual, (e, a) => (e - a) * (e - a)).Sum() / expected.Sum(e => e * e));
        Assert.InRange(error, 1e-6, type == "q8_0" ? 0.02 : 0.2);
    }

    [Fact]
    public async Task Logits_OfTokens_AreOneRowEach()
    {
        var logits = await Logits(model.Path);
        Assert.Equal(3 * 1024, logits.Length);
        Assert.All(logits, logit => Assert.True(double.IsFinite(logit)));
    }

    [Theory]
    [InlineData("--tokens: '1,x' must be whole numbers separated by commas", "--tokens", "1,x")]
    [InlineData("--tokens: 1024 is not a token id from 0 to 1023.", "--tokens", "1,1024")]
    [InlineData("--tokens: must name at least one token.")]
    public async Task Logits_BadTokens_AreNamed(string message, params string[] arguments)
    {
        var run = await FathomRun.Start(["model", "logits", "--model", model.Path, "--out", model.PathOf("unused"), .. arguments]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Bench_Tiny_ReportsEveryBatch()
    {
        var run = await FathomRun.Start(
            "bench", "model", "--model", model.Path, "--prompt", "8", "--generate", "4", "--batch", "1,3", "--repetitions", "2", "--threads", "1", "--json");
        using var report = JsonDocument.Parse(run.Output);
        var rows = report.RootElement.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal([1, 3], rows.Select(row => row.GetProperty("batch").GetInt32()));
        Assert.All(rows, row => Assert.True(row.GetProperty("prefill_tokens_per_s").GetDouble() > 0 && row.GetProperty("decode_tokens_per_s").GetDouble() > 0));
        Assert.NotEmpty(report.RootElement.GetProperty("machine").GetString()!);
        Assert.NotEmpty(report.RootElement.GetProperty("commit").GetString()!);
    }

    [Fact]
    public async Task BenchScheduling_Tiny_ReportsEveryPolicy()
    {
        var run = await FathomRun.Start(
            "bench", "scheduling", "--model", model.Path, "--requests", "8", "--input-tokens", "4..16", "--output-tokens", "1..8",
            "--max-batch", "2", "--threads", "1", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var report = JsonDocument.Parse(run.Output);
        var policies = report.RootElement.GetProperty("curves").EnumerateArray().Select(curve => curve.GetProperty("policy").GetString());
        Assert.Equal(["orca", "paged", "request"], policies.Distinct().Order());
        Assert.True(report.RootElement.TryGetProperty("speedup_at_equal_latency", out _));
    }

    [Fact]
    public async Task Generate_SameSeed_GivesTheSameText()
    {
        string[] arguments = ["generate", "--model", model.Path, "--prompt", "Once", "--max-tokens", "12", "--seed", "5", "--json"];
        var first = await FathomRun.Start(arguments);
        var second = await FathomRun.Start(arguments);
        Assert.Equal((0, ""), (first.ExitCode, first.Error));
        Assert.Equal(first.Output, second.Output);
        Assert.Equal(12, JsonDocument.Parse(first.Output).RootElement.GetProperty("completion_tokens").GetInt32());
    }

    private async Task<double[]> Logits(string path)
    {
        var output = $"{path}.f32";
        var run = await FathomRun.Start("model", "logits", "--model", path, "--tokens", "1,2,3", "--out", output, "--threads", "1");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var bytes = await File.ReadAllBytesAsync(output);
        return [.. Enumerable.Range(0, bytes.Length / 4).Select(index => (double)BitConverter.ToSingle(bytes, index * 4))];
    }
}
