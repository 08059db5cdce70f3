using System.Net;
using Fathom.Server.Tests.Fakes;
using Microsoft.Playwright;

namespace Fathom.Server.Tests.Page;

/// <summary>The chat page in a real browser.</summary>
public sealed class ChatPageTests : IAsyncLifetime
{
    private static readonly string[] s_browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly List<string> _complaints = [];
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        if (Array.Find(s_browsers, File.Exists) is not { } executable)
            return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = executable,
            Args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
        });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    [SkippableFact]
    public async Task Chat_Message_IsStreamedAndEscaped()
    {
        await using var server = await RunningServer.StartAsync();
        var page = await OpenAsync(server);
        await SendAsync(page, "<img src=x onerror=alert(1)> & `code`");
        var answer = page.Locator(".message.assistant:not(.writing) .body");
        await Assertions.Expect(answer).ToHaveTextAsync("Echo: <img src=x onerror=alert(1)> & code");
        await Assertions.Expect(page.Locator("#messages code")).ToHaveTextAsync("code");
        Assert.Equal(0, await page.Locator("#messages img").CountAsync());
        await Assertions.Expect(page.Locator(".meta")).ToContainTextAsync("tokens/s");
        await Assertions.Expect(page.Locator("#model")).ToHaveValueAsync("echo");
        Assert.Empty(_complaints);
    }

    [SkippableFact]
    public async Task Chat_SecondTurnAndRegenerate_KeepTheConversation()
    {
        await using var server = await RunningServer.StartAsync();
        var page = await OpenAsync(server);
        await SendAsync(page, "one");
        await Assertions.Expect(page.Locator(".message.assistant:not(.writing)")).ToHaveCountAsync(1);
        await SendAsync(page, "two");
        await Assertions.Expect(page.Locator(".message.assistant:not(.writing) .body").Nth(1)).ToHaveTextAsync("Echo: two");
        await page.GetByRole(AriaRole.Button, new() { Name = "Regenerate" }).ClickAsync();
        await Assertions.Expect(page.Locator(".message.assistant:not(.writing)")).ToHaveCountAsync(2);
        await Assertions.Expect(page.Locator(".message.assistant .body").Nth(1)).ToHaveTextAsync("Echo: two");
        await Assertions.Expect(page.Locator(".message")).ToHaveCountAsync(4);
        await page.Locator("#new-chat").ClickAsync();
        await Assertions.Expect(page.Locator(".message")).ToHaveCountAsync(0);
        await Assertions.Expect(page.Locator("#welcome")).ToBeVisibleAsync();
        Assert.Empty(_complaints);
    }

    [SkippableFact]
    public async Task Chat_StopButton_EndsTheAnswerAndFreesTheRequest()
    {
        await using var server = await RunningServer.StartAsync();
        server.Executor.PauseAfterTokens(100);
        var page = await OpenAsync(server);
        await SendAsync(page, "forever");
        // Text is on the page while the answer is still being written: it streams.
        await Assertions.Expect(page.Locator(".message.assistant.writing .body")).ToContainTextAsync("...");
        await page.Locator("#stop").ClickAsync();
        server.Executor.Release();
        await Assertions.Expect(page.Locator(".meta")).ToContainTextAsync("stopped");
        await Assertions.Expect(page.Locator("#send")).ToBeVisibleAsync();
        await server.WaitUntilIdleAsync();
        Assert.Empty(_complaints);
    }

    [SkippableFact]
    public async Task Chat_ServerWantsAKey_AsksAndUsesIt()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("fathom-page-").FullName, "keys");
        await File.WriteAllTextAsync(file, "secret-key\n");
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeyFile = file });
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        var page = await OpenAsync(server);
        await Assertions.Expect(page.Locator("#settings")).ToBeVisibleAsync();
        await page.Locator("#api-key").FillAsync("secret-key");
        await page.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();
        await Assertions.Expect(page.Locator("#model")).ToHaveValueAsync("echo");
        await SendAsync(page, "hi");
        await Assertions.Expect(page.Locator(".message.assistant:not(.writing) .body")).ToHaveTextAsync("Echo: hi");
    }

    [SkippableFact]
    public async Task Chat_PromptTooLong_ShowsTheReasonAndGivesTheTextBack()
    {
        await using var server = await RunningServer.StartAsync();
        var page = await OpenAsync(server);
        await SendAsync(page, new string('x', 600));
        await Assertions.Expect(page.Locator("#notice")).ToContainTextAsync("maximum context length");
        await Assertions.Expect(page.Locator("#prompt")).ToHaveValueAsync(new string('x', 600));
        await SendAsync(page, "short");
        await Assertions.Expect(page.Locator(".message.assistant:not(.writing) .body")).ToHaveTextAsync("Echo: short");
        await Assertions.Expect(page.Locator("#notice")).ToBeHiddenAsync();
    }

    [SkippableFact]
    public async Task Page_PhoneWidth_DoesNotScrollSideways()
    {
        await using var server = await RunningServer.StartAsync();
        var page = await OpenAsync(server, width: 360);
        await SendAsync(page, new string('w', 200));
        await Assertions.Expect(page.Locator(".message.assistant:not(.writing)")).ToHaveCountAsync(1);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= 360"));
        await page.Locator("#open-settings").ClickAsync();
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= 360"));
    }

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/chat.css", "text/css")]
    [InlineData("/chat.js", "text/javascript")]
    public async Task Asset_Get_IsGuardedAndRevalidates(string path, string type)
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal(type, response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("default-src 'none'", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        using var again = new HttpRequestMessage(HttpMethod.Get, path);
        again.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        using var unchanged = await server.Client.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
    }

    private async Task<IPage> OpenAsync(RunningServer server, int width = 1000)
    {
        Skip.If(_browser is null, $"no browser is installed: none of {string.Join(", ", s_browsers)}");
        var page = await _browser!.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = width, Height = 800 } });
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                _complaints.Add(message.Text);
        };
        page.PageError += (_, error) => _complaints.Add(error);
        await page.GotoAsync(server.Address.ToString());
        return page;
    }

    private static async Task SendAsync(IPage page, string text)
    {
        await page.Locator("#prompt").FillAsync(text);
        await page.Locator("#prompt").PressAsync("Enter");
    }
}
