using Fathom.Serving.Requests;

namespace Fathom.Tiering.Tests;

/// <summary>What an engine says does not depend on where its blocks come from.</summary>
public class EngineOutputTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private const int Blocks = 24;
    private const int Turns = 4;
    private const int Users = 6;

    [Fact]
    public async Task EvictedConversation_ComesBackFromATier()
    {
        var tier = new MemoryTier("far");
        await using var engine = new TieredEngine(tiny.Model, Blocks, [tier]);
        var prompt = TieredEngine.Prompt(1, 200);
        var first = await engine.RunAsync(prompt);
        await engine.RunAsync(TieredEngine.Prompt(2, 300));
        await engine.RunAsync(TieredEngine.Prompt(3, 300));

        var again = await engine.RunAsync(prompt);

        Assert.Equal(first.Tokens, again.Tokens);
        Assert.Equal(0, first.CachedTokens);
        Assert.Equal(192, again.CachedTokens);
        Assert.True(tier.Fetches > 0);
        var report = Assert.Single(engine.Tiering!.Report());
        Assert.InRange(report.Totals.AvoidedTokens, 16, 192);
    }

    [Fact]
    public async Task AnotherEngine_FindsWhatTheFirstComputed()
    {
        var tier = new MemoryTier("far");
        var prompt = TieredEngine.Prompt(1, 200);
        Answer first;
        await using (var engine = new TieredEngine(tiny.Model, Blocks, [tier]))
            first = await engine.RunAsync(prompt);
        await using var other = new TieredEngine(tiny.Model, Blocks, [tier]);

        var second = await other.RunAsync(prompt);

        Assert.Equal(first.Tokens, second.Tokens);
        Assert.Equal(192, second.CachedTokens);
    }

    [Fact]
    public async Task SlowAndFastTier_EachGiveTheirPart()
    {
        MemoryTier fast = new("far"), slow = new("storage");
        await using var engine = new TieredEngine(tiny.Model, Blocks, [fast, slow]);
        var prompt = TieredEngine.Prompt(1, 200);
        var first = await engine.RunAsync(prompt);
        await engine.RunAsync(TieredEngine.Prompt(2, 360));
        foreach (var key in fast.Keys.Skip(4))
            fast.Remove(key);

        var again = await engine.RunAsync(prompt);

        Assert.Equal(first.Tokens, again.Tokens);
        Assert.Equal(192, again.CachedTokens);
        Assert.Equal([1, 1], [fast.Fetches, slow.Fetches]);
    }

    [Fact]
    public async Task CorruptBlock_IsComputedAndStoredAgain()
    {
        var tier = new MemoryTier("far");
        await using var engine = new TieredEngine(tiny.Model, Blocks, [tier]);
        var prompt = TieredEngine.Prompt(1, 200);
        var first = await engine.RunAsync(prompt);
        await engine.RunAsync(TieredEngine.Prompt(2, 360));
        tier.Faults = new TierFaults(Corrupts: 1);

        var again = await engine.RunAsync(prompt);
        tier.Faults = TierFaults.None;
        var stored = tier.Usage;
        await engine.RunAsync(TieredEngine.Prompt(2, 360));
        var repaired = await engine.RunAsync(prompt);

        Assert.Equal(first.Tokens, again.Tokens);
        Assert.Equal(first.Tokens, repaired.Tokens);
        Assert.True(stored.CorruptBlocks > 0);
        Assert.Equal(192, repaired.CachedTokens);
        Assert.True(engine.Tiering!.Report()[0].Totals.Fallbacks > 0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Conversations_WithTiersThatFailAtRandom_SayTheSame(int seed)
    {
        var expected = await ConverseAsync([]);
        var sound = await ConverseAsync([new MemoryTier("far"), new MemoryTier("storage")]);
        var faults = new TierFaults(Fails: 0.1, Loses: 0.02, Corrupts: 0.02, Delays: 0.3);
        var faulty = await ConverseAsync([new MemoryTier("far", seed, faults), new MemoryTier("storage", seed + 1, faults)]);

        Assert.Equal(expected, sound);
        Assert.Equal(expected, faulty);
    }

    [Fact]
    public async Task TierThatHangs_IsGivenUpAndTouchesNothingLater()
    {
        var tier = new MemoryTier("far");
        await using var engine = new TieredEngine(tiny.Model, Blocks, [tier], options => options with
        {
            LookUpTime = TimeSpan.FromMilliseconds(20),
            FetchTimeMin = TimeSpan.FromMilliseconds(20),
            FetchTimeMax = TimeSpan.FromMilliseconds(40),
        });
        var prompt = TieredEngine.Prompt(1, 200);
        var first = await engine.RunAsync(prompt);
        await engine.RunAsync(TieredEngine.Prompt(2, 360));
        tier.Faults = new TierFaults(Hangs: 1);

        var late = await TieredEngine.ReadAsync(engine.Engine.Submit(TieredEngine.Request(prompt)));
        tier.Faults = TierFaults.None;
        tier.EndHanging();
        await engine.Tiering!.DrainAsync();
        var after = await engine.RunAsync(prompt);

        Assert.Equal(first.Tokens, late.Tokens);
        Assert.Equal(first.Tokens, after.Tokens);
    }

    [Fact]
    public async Task CancelledWhileItsBlocksCome_LeavesNothingBehind()
    {
        var tier = new MemoryTier("far");
        await using var engine = new TieredEngine(tiny.Model, Blocks, [tier]);
        var prompt = TieredEngine.Prompt(1, 200);
        await engine.RunAsync(prompt);
        await engine.RunAsync(TieredEngine.Prompt(2, 360));
        tier.Faults = new TierFaults(Hangs: 1);
        using var cancellation = new CancellationTokenSource();

        var submission = engine.Engine.Submit(TieredEngine.Request(prompt), cancellation.Token);
        await cancellation.CancelAsync();
        var answer = await TieredEngine.ReadAsync(submission);
        tier.EndHanging();

        Assert.Equal(FinishReason.Cancelled, answer.Reason);
        await engine.Engine.DrainAsync();
        Assert.Equal(0, engine.Engine.Snapshot.UsedBlocks);
    }

    /// <summary>Several users talk at once, each turn over the whole conversation so far; few blocks for all.</summary>
    private async Task<int[][]> ConverseAsync(MemoryTier[] tiers)
    {
        await using var engine = new TieredEngine(tiny.Model, Blocks, tiers, options => options with { PauseMin = TimeSpan.FromMilliseconds(5), PauseMax = TimeSpan.FromMilliseconds(20) });
        var users = Enumerable.Range(0, Users).Select(user => Task.Run(async () =>
        {
            var said = new List<int>(TieredEngine.Prompt(user, 100));
            for (var turn = 0; turn < Turns; turn++)
            {
                var answer = await TieredEngine.ReadAsync(engine.Engine.Submit(TieredEngine.Request(said.ToArray(), 12)));
                Assert.Equal(FinishReason.Length, answer.Reason);
                said.AddRange(answer.Tokens);
                said.AddRange(TieredEngine.Prompt((user * 100) + turn, 30));
            }
            return said.ToArray();
        })).ToArray();
        var all = await Task.WhenAll(users);
        if (tiers.Length > 0)
        {
            Assert.True(tiers.Sum(tier => tier.Fetches) > 0, "nothing came from the tiers");
            await engine.Tiering!.DrainAsync();
        }
        return all;
    }
}
