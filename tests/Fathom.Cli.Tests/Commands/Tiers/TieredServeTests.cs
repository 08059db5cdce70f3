using System.Diagnostics;
using System.Globalization;

namespace Fathom.Cli.Tests.Commands.Tiers;

/// <summary>A server with tiers, as processes: what dies and what is damaged costs time, never an answer.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class TieredServeTests(TinyF32Model model) : IClassFixture<TinyF32Model>, IDisposable
{
    private const int Prompts = 12;
    private const int PromptTokens = 400;

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-tiered-").FullName;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(240));

    public void Dispose()
    {
        _deadline.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task TwoOfSixMemoryNodesKilledUnderLoad_NoRequestFailsAndHitsComeBack()
    {
        string[] expected;
        using (var plain = await TieredServer.StartAsync(model.Path, [], _deadline.Token))
            expected = [.. (await AskAllAsync(plain)).Select(answer => answer.Text)];
        using var server = await TieredServer.StartAsync(model.Path, ["--far-memory", "embedded", "--far-memory-size", "256MiB", "--kv-fetch", "always"], _deadline.Token);
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
        var expected = await AnswerAndDieAsync(tiers);
        using var second = await TieredServer.StartAsync(model.Path, tiers, _deadline.Token);

        var answers = await AskAllAsync(second);

        Assert.Equal(expected, answers.Select(answer => answer.Text));
        Assert.True(answers.Average(answer => answer.CachedTokens) > PromptTokens * 0.9, "the store gave little after the restart");
    }

    [Fact]
    public async Task DamagedStore_IsFoundOutComputedAndRepaired()
    {
        var path = Path.Combine(_folder, "blocks.kv");
        string[] tiers = ["--kv-store", path, "--kv-store-size", "256MiB", "--kv-fetch", "always"];
        var expected = await AnswerAndDieAsync(tiers);
        FlipBlocks(path);
        using var second = await TieredServer.StartAsync(model.Path, tiers, _deadline.Token);

        var damaged = await AskAllAsync(second);
        await AskAllAsync(second);
        var repaired = await AskAllAsync(second);

        Assert.Equal(expected, damaged.Select(answer => answer.Text));
        Assert.Equal(expected, repaired.Select(answer => answer.Text));
        Assert.True(damaged.Average(answer => answer.CachedTokens) < PromptTokens * 0.9, "nothing was damaged");
        Assert.True(repaired.Average(answer => answer.CachedTokens) > PromptTokens * 0.9, "what was damaged did not come back");
    }

    [Fact]
    public async Task FileDamagedAllOver_AnswersAreTheSameAndTheLogIsGoodAgain()
    {
        var path = Path.Combine(_folder, "kv.log");
        string[] tiers = ["--kv-store", path, "--kv-store-size", "64MiB", "--kv-fetch", "always"];
        ServedAnswer[] computed;
        using (var first = await TieredServer.StartAsync(model.Path, tiers, _deadline.Token))
        {
            computed = await AskAllAsync(first);
            await WaitForHitsAsync(first);
        }
        using (var file = File.Open(path, FileMode.Open))
        {
            // A byte in every unit but those of the header: blocks, pages, frames.
            for (long offset = 8192 + 100; offset < file.Length; offset += 4096)
            {
                file.Position = offset;
                var value = file.ReadByte();
                file.Position = offset;
                file.WriteByte((byte)(value ^ 1));
            }
        }
        using var second = await TieredServer.StartAsync(model.Path, tiers, _deadline.Token);
        Assert.Equal(computed.Select(answer => answer.Text), (await AskAllAsync(second)).Select(answer => answer.Text));
        await WaitForHitsAsync(second);
        Assert.Equal(computed.Select(answer => answer.Text), (await AskAllAsync(second)).Select(answer => answer.Text));
    }

    [Fact]
    public async Task TwoServersAndABlockStore_WhatOneComputedIsAHitForTheOther_AndNobodyNeedsTheStore()
    {
        var socket = Path.Combine(_folder, "blocks.sock");
        using var store = FathomProcess.Start(
            "memory", "blocks", "--listen", $"unix:{socket}", "--capacity", "64MiB", "--nodes", "6", "--transport", "shm", "--region-size", "16MiB");
        try
        {
            Assert.Equal($"Block store of 64 MiB on unix:{socket}", await store.StandardOutput.ReadLineAsync(_deadline.Token));
            string[] shared = ["--far-memory", $"unix:{socket}", "--kv-fetch", "always"];
            using var first = await TieredServer.StartAsync(model.Path, shared, _deadline.Token);
            using var second = await TieredServer.StartAsync(model.Path, shared, _deadline.Token);
            var computed = await AskAllAsync(first);
            await WaitForHitsAsync(first);
            var loaded = await AskAllAsync(second);
            Assert.Equal(computed.Select(answer => answer.Text), loaded.Select(answer => answer.Text));
            Assert.All(loaded, answer => Assert.True(answer.CachedTokens > PromptTokens / 2, $"{answer.CachedTokens} tokens came from the store"));
            store.Kill();
            await store.WaitForExitAsync(_deadline.Token);
            foreach (var server in (TieredServer[])[first, second])
                Assert.Equal(computed.Select(answer => answer.Text), (await AskAllAsync(server)).Select(answer => answer.Text));
        }
        finally
        {
            if (!store.HasExited)
                store.Kill();
        }
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

    /// <summary>Answers of a server that is killed behind them, with what it computed in its store.</summary>
    private async Task<string[]> AnswerAndDieAsync(string[] tiers)
    {
        using var server = await TieredServer.StartAsync(model.Path, tiers, _deadline.Token);
        string[] answers = [.. (await AskAllAsync(server)).Select(answer => answer.Text)];
        await AskAllAsync(server); // what was computed last is written by now
        server.Kill();
        return answers;
    }

    /// <summary>Blocks are written behind the answers; local memory holds only some of them.</summary>
    private async Task WaitForHitsAsync(TieredServer server)
    {
        while ((await AskAllAsync(server)).Min(answer => answer.CachedTokens) < PromptTokens * 9 / 10)
            _deadline.Token.ThrowIfCancellationRequested();
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
