using System.Diagnostics;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.Clients;

/// <summary>OpenAI's npm package talks to the server, driven by node; the checks themselves are in npm/talk.mjs.</summary>
public sealed class NpmPackageTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    [SkippableFact]
    public async Task Package_ChatCompletionsStreamingLogprobsErrors_AllHold()
    {
        var folder = Path.Combine(RepositoryFolder(), "tests", "Fathom.Server.Tests", "npm");
        Skip.IfNot(Directory.Exists(Path.Combine(folder, "node_modules", "openai")), $"the openai package is not installed: run npm ci in {folder}");
        var start = new ProcessStartInfo("node", ["talk.mjs", fixture.Server.Address.ToString()])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Start(start);
        Skip.If(node is null, "node is not installed");

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = node!.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = node.StandardError.ReadToEndAsync(limit.Token);
        await node.WaitForExitAsync(limit.Token);
        Assert.True(node.ExitCode == 0, $"held: {await output}\nthen: {await errors}");
        Assert.Equal(11, (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        await fixture.Server.WaitUntilIdleAsync();
    }

    private static Process? Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string RepositoryFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("Fathom.slnx is in no folder above the tests");
        return folder.FullName;
    }
}
