using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace Fathom.Cli.Tests.Commands;

public sealed class ServeCommandTests(TinyModel model) : IClassFixture<TinyModel>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Serve_Process_AnnouncesAnswersAndDrainsOnSigterm()
    {
        using var deadline = new CancellationTokenSource(Patience);
        using var server = FathomProcess.Start("serve", "--model", model.Path, "--port", "0", "--threads", "1");
        try
        {
            var announcement = await server.StandardOutput.ReadLineAsync(deadline.Token);
            Assert.StartsWith("Fathom serves tiny on http://127.0.0.1:", announcement, StringComparison.Ordinal);
            using var client = new HttpClient { BaseAddress = new Uri(announcement!.Split(' ')[^1]) };
            using var answer = await client.PostAsJsonAsync(
                "/v1/completions", new { model = "tiny", prompt = "Once", max_tokens = 4, ignore_eos = true }, deadline.Token);
            var body = await answer.Content.ReadFromJsonAsync<JsonElement>(deadline.Token);
            Assert.Equal(4, body.GetProperty("usage").GetProperty("completion_tokens").GetInt32());

            using var kill = Process.Start("kill", ["-TERM", server.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await server.WaitForExitAsync(deadline.Token);
            Assert.Equal(0, server.ExitCode);
            Assert.Empty(await server.StandardOutput.ReadToEndAsync(deadline.Token));
        }
        finally
        {
            if (!server.HasExited)
                server.Kill();
        }
    }
}
