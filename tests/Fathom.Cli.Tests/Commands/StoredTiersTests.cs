using System.Diagnostics;

namespace Fathom.Cli.Tests.Commands;

/// <summary>Blocks that outlive the server that computed them: on a drive, and in a block store that servers share.</summary>
public sealed class StoredTiersTests : IAsyncLifetime, IDisposable
{
    private const int Prompts = 6;
    private const int PromptTokens = 400;

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-stored-").FullName;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(240));

    private string Model => Path.Combine(_folder, "tiny.gguf");

    private string[] OnDrive => ["--kv-store", Path.Combine(_folder, "kv.log"), "--kv-store-size", "64MiB", "--kv-fetch", "always"];

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
    public async Task ServerKilled_ItsSuccessorHitsAtOnceAndAnswersTheSame()
    {
        ServedAnswer[] computed;
        using (var first = await TieredServer.StartAsync(Model, OnDrive, _deadline.Token))
        {
            computed = await AskAllAsync(first);
            await WaitForHitsAsync(first);
            first.Kill();
        }
        using var second = await TieredServer.StartAsync(Model, OnDrive, _deadline.Token);
        var loaded = await AskAllAsync(second);
        Assert.Equal(computed.Select(answer => answer.Text), loaded.Select(answer => answer.Text));
        // A machine that is busy may be late for one prompt or another.
        Assert.Contains(loaded, answer => answer.CachedTokens > PromptTokens / 2);
        await WaitForHitsAsync(second);
    }

    [Fact]
    public async Task FileDamagedAllOver_AnswersAreTheSameAndTheLogIsGoodAgain()
    {
        ServedAnswer[] computed;
        using (var first = await TieredServer.StartAsync(Model, OnDrive, _deadline.Token))
        {
            computed = await AskAllAsync(first);
            await WaitForHitsAsync(first);
        }
        using (var file = new FileStream(OnDrive[1], FileMode.Open, FileAccess.ReadWrite))
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
        using var second = await TieredServer.StartAsync(Model, OnDrive, _deadline.Token);
        Assert.Equal(computed.Select(answer => answer.Text), (await AskAllAsync(second)).Select(answer => answer.Text));
        await WaitForHitsAsync(second);
        Assert.Equal(computed.Select(answer => answer.Text), (await AskAllAsync(second)).Select(answer => answer.Text));
    }

    [Fact]
    public async Task TwoServersAndABlockStore_WhatOneComputedIsAHitForTheOther_AndNobodyNeedsTheStore()
    {
        var socket = Path.Combine(_folder, "blocks.sock");
        using var store = Process.Start(new ProcessStartInfo("dotnet",
            [typeof(CommandLine.SettingTests).Assembly.Location.Replace("Fathom.Cli.Tests.dll", "fathom.dll", StringComparison.Ordinal),
                "memory", "blocks", "--listen", $"unix:{socket}", "--capacity", "64MiB", "--nodes", "6", "--transport", "shm", "--region-size", "16MiB"])
        {
            RedirectStandardOutput = true,
        })!;
        try
        {
            Assert.Equal($"Block store of 64 MiB on unix:{socket}", await store.StandardOutput.ReadLineAsync(_deadline.Token));
            string[] shared = ["--far-memory", $"unix:{socket}", "--kv-fetch", "always"];
            using var first = await TieredServer.StartAsync(Model, shared, _deadline.Token);
            using var second = await TieredServer.StartAsync(Model, shared, _deadline.Token);
            var computed = await AskAllAsync(first);
            await WaitForHitsAsync(first);
            var loaded = await AskAllAsync(second);
            Assert.Equal(computed.Select(answer => answer.Text), loaded.Select(answer => answer.Text));
            Assert.Contains(loaded, answer => answer.CachedTokens > PromptTokens / 2);
            await WaitForHitsAsync(second);
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

    private static int[] Prompt(int index)
    {
        var random = new Random(100 + index);
        return [.. Enumerable.Range(0, PromptTokens).Select(_ => random.Next(3, 1000))];
    }

    private async Task<ServedAnswer[]> AskAllAsync(TieredServer server)
    {
        var answers = new ServedAnswer[Prompts];
        for (var i = 0; i < Prompts; i++)
            answers[i] = await server.AskAsync(Prompt(i), _deadline.Token);
        return answers;
    }

    /// <summary>Waits until each prompt came from the tiers once. Blocks are written behind the answers; local memory holds only some of them.</summary>
    private async Task WaitForHitsAsync(TieredServer server)
    {
        var most = new int[Prompts];
        while (most.Min() < PromptTokens * 9 / 10)
        {
            for (var i = 0; i < Prompts; i++)
                most[i] = Math.Max(most[i], (await server.AskAsync(Prompt(i), _deadline.Token)).CachedTokens);
        }
    }
}
