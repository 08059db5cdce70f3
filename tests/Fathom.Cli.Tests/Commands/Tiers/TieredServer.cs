using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Fathom.Cli.Tests.Commands.Tiers;

internal sealed record ServedAnswer(string Text, int CachedTokens);

/// <summary>A `fathom serve` process with little KV memory.</summary>
internal sealed class TieredServer : IDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client;

    private TieredServer(Process process, Uri address)
    {
        _process = process;
        _client = new HttpClient { BaseAddress = address };
    }

    public static async Task<TieredServer> StartAsync(string model, string[] tiers, CancellationToken cancellation)
    {
        var process = FathomProcess.Start(
            ["serve", "--model", model, "--port", "0", "--threads", "1", "--kv-type", "f32", "--kv-memory", "2MiB", "--max-batch", "4", .. tiers]);
        var line = await process.StandardOutput.ReadLineAsync(cancellation);
        Assert.StartsWith("Fathom serves", line, StringComparison.Ordinal);
        return new TieredServer(process, new Uri(line!.Split(' ')[^1]));
    }

    public async Task<ServedAnswer> AskAsync(int[] prompt, CancellationToken cancellation)
    {
        using var answer = await _client.PostAsJsonAsync(
            "/v1/completions", new { model = "tiny", prompt, max_tokens = 8, temperature = 0, ignore_eos = true }, cancellation);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(cancellation);
        Assert.True(answer.IsSuccessStatusCode, body.ToString());
        return new ServedAnswer(
            body.GetProperty("choices")[0].GetProperty("text").GetString()!,
            body.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
    }

    /// <summary>Processes that the server started, whose command line has a word.</summary>
    public IReadOnlyList<int> Children(string word)
    {
        var parent = string.Create(CultureInfo.InvariantCulture, $"PPid:\t{_process.Id}");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(Path.GetFileName)
            .Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _))
            .Select(name => int.Parse(name!, CultureInfo.InvariantCulture))
            .Where(id => Read(id, "status").Split('\n').Contains(parent) && Read(id, "cmdline").Split('\0').Contains(word))];
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        _client.Dispose();
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private static string Read(int process, string file)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/{file}"));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return ""; // it ended meanwhile
        }
    }
}
