using Fathom.Tiering.BlockLog;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Tiering.Tests.BlockLog;

/// <summary>An engine whose blocks outlive it on a drive.</summary>
public sealed class EngineOverLogTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    [Fact]
    public async Task Engine_AfterAnother_AnswersTheSameFromTheLog()
    {
        var folder = Directory.CreateTempSubdirectory("fathom-engine-log-");
        try
        {
            var prompt = TieredEngine.Prompt(7, 200);
            Answer expected;
            await using (var bare = new TieredEngine(tiny.Model, 40, []))
                expected = await bare.RunAsync(prompt);
            var computed = await RunOverLogAsync(folder.FullName, prompt);
            var loaded = await RunOverLogAsync(folder.FullName, prompt);
            Assert.Equal(expected.Tokens, computed.Tokens);
            Assert.Equal(expected.Tokens, loaded.Tokens);
            Assert.Equal(0, computed.CachedTokens);
            Assert.Equal(192, loaded.CachedTokens);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task<Answer> RunOverLogAsync(string folder, int[] prompt)
    {
        var options = new BlockLogOptions { Path = Path.Combine(folder, "kv.log"), CapacityBytes = 64 << 20, BlockBytes = 64 << 10, LookUpTime = TimeSpan.FromSeconds(20) };
        await using var log = KvBlockLog.Open(options, NullLogger.Instance);
        await using var engine = new TieredEngine(tiny.Model, 40, [log]);
        return await engine.RunAsync(prompt);
    }
}
