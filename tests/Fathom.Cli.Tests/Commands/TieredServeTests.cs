using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Fathom.Cli.Tests.Commands;

/// <summary>A server with tiers, as processes: what dies and what is damaged costs time, never an answer.</summary>
public sealed class TieredServeTests : IAsyncLifetime, IDisposable
{
    private const int Prompts = 12;
    private const int PromptTokens = 400;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(240);

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-tiered-").FullName;
    private readonly CancellationTokenSource _deadline = new(Patience);

    private string Model => Path.Combine(_folder, "tiny.gguf");

    public async Task InitializeAsync()
    {
        var run = await FathomRun.Start("model", "synthesize", "--shape", "tiny", "--type", "f32", "--seed", "7", "--out", Model);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }

    public Task DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }

    public void Dispose() => _deadline.Dispose();

    [Fact]
    public async Task TwoOfSixMemoryNodesKilledUnderLoad_NoRequestFailsAndHitsComeBack()
    {
        string[] expected;
        using (var plain = await TieredServer.StartAsync(Model, [], _deadline.Token))
            expected = [.. (await AskAllAsync(plain)).Select(answer => answer.Text)];
        using var server = await TieredServer.StartAsync(Model, ["--far-memory", "embedded", "--far-memory-size", "256MiB", "--kv-fetch", "always"], _deadline.Token);
        await AskAllAsync(server);
        var before = await AskAllAsync(server);
        Assert.Equal(expected, before.Select(answer => answer.Text));
        Assert.True(before.Average(answer => answer.CachedTokens) > PromptTokens / 2, "the tiers gave little before anything was killed");

        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4).Select(client => LoadAsync(server, client, expected, stop.Token)).ToArray();
        var nodes = server.Children("memory-node");
        Assert.Equal(6, nodes.Count);
        foreach (var node in nodes.Take(2))
            Kill(node);
        // The dead are started again, what they held is rebuilt, and prompts come from far memory as they did.
        double cached;
        do
            cached = (await AskAllAsync(server)).Average(answer => answer.CachedTokens);
        while (server.Children("memory-node").Count < 6 || cached < 0.9 * before.Average(answer => answer.CachedTokens));
        await stop.CancelAsync();

        var asked = await Task.WhenAll(clients);
        Assert.All(asked, count => Assert.True(count > 0));
        Assert.Empty(server.Children("memory-node").Intersect(nodes.Take(2)));
    }

    [Fact]
    public async Task ServerKilledAndStarted_FindsItsStoreAtOnce()
    {
        string[] tiers = ["--kv-store", Path.Combine(_folder, "blocks.kv"), "--kv-store-size", "256MiB", "--kv-fetch", "always"];
        string[] expected;
        using (var first = await TieredServer.StartAsync(Model, tiers, _deadline.Token))
        {
            expected = [.. (await AskAllAsync(first)).Select(answer => answer.Text)];
            await AskAllAsync(first); // what was computed last is written by now
            first.Kill();
        }
        using var second = await TieredServer.StartAsync(Model, tiers, _deadline.Token);

        var answers = await AskAllAsync(second);

        Assert.Equal(expected, answers.Select(answer => answer.Text));
        Assert.True(answers.Average(answer => answer.CachedTokens) > PromptTokens * 0.9, "the store gave little after the restart");
    }

    [Fact]
    public async Task DamagedStore_IsFoundOutComputedAndRepaired()
    {
        var path = Path.Combine(_folder, "blocks.kv");
        string[] tiers = ["--kv-store", path, "--kv-store-size", "256MiB", "--kv-fetch", "always"];
        string[] expected;
        using (var first = await TieredServer.StartAsync(Model, tiers, _deadline.Token))
        {
            expected = [.. (await AskAllAsync(first)).Select(answer => answer.Text)];
            await AskAllAsync(first);
            first.Kill();
        }
        FlipBlocks(path);
        using var second = await TieredServer.StartAsync(Model, tiers, _deadline.Token);

        var damaged = await AskAllAsync(second);
        await AskAllAsync(second);
        var repaired = await AskAllAsync(second);

        Assert.Equal(expected, damaged.Select(answer => answer.Text));
        Assert.Equal(expected, repaired.Select(answer => answer.Text));
        Assert.True(damaged.Average(answer => answer.CachedTokens) < PromptTokens * 0.9, "nothing was damaged");
        Assert.True(repaired.Average(answer => answer.CachedTokens) > PromptTokens * 0.9, "what was damaged did not come back");
    }

    /// <summary>Flips a bit in every other block: each takes 32 KiB and something.</summary>
    private static void FlipBlocks(string path)
    {
        using var file = File.Open(path, FileMode.Open);
        var block = new byte[64 << 10];
        for (long place = 0; place < file.Length; place += block.Length)
        {
            file.Position = place;
            var read = file.Read(block);
            // Blocks of keys and values are dense; index and headers are mostly zeros, and are the log's own tests' matter.
            if (block.AsSpan(0, read).Count((byte)0) > read / 4)
                continue;
            file.Position = place + (read / 2);
            file.WriteByte((byte)(block[read / 2] ^ 0x10));
        }
    }

    private static int[] Prompt(int index)
    {
        var random = new Random(index);
        return [.. Enumerable.Range(0, PromptTokens).Select(_ => random.Next(3, 1000))];
    }

    private static void Kill(int process)
    {
        using var kill = Process.Start("kill", ["-KILL", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private async Task<ServedAnswer[]> AskAllAsync(TieredServer server)
    {
        var answers = new ServedAnswer[Prompts];
        for (var i = 0; i < Prompts; i++)
            answers[i] = await server.AskAsync(Prompt(i), _deadline.Token);
        return answers;
    }

    private async Task<int> LoadAsync(TieredServer server, int client, string[] expected, CancellationToken stop)
    {
        var random = new Random(client);
        var asked = 0;
        for (; !stop.IsCancellationRequested; asked++)
        {
            var prompt = random.Next(Prompts);
            Assert.Equal(expected[prompt], (await server.AskAsync(Prompt(prompt), _deadline.Token)).Text);
        }
        return asked;
    }
}

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
        var process = Process.Start(new ProcessStartInfo("dotnet",
            [typeof(CommandLine.SettingTests).Assembly.Location.Replace("Fathom.Cli.Tests.dll", "fathom.dll", StringComparison.Ordinal),
                "serve", "--model", model, "--port", "0", "--threads", "1", "--kv-type", "f32", "--kv-memory", "2MiB", "--max-batch", "4", .. tiers])
        {
            RedirectStandardOutput = true,
        })!;
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
