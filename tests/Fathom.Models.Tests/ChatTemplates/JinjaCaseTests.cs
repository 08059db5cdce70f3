using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates;

namespace Fathom.Models.Tests.ChatTemplates;

/// <summary>Every feature in small templates, against what Jinja2 3.1.6 made of them (make_jinja_cases.py).</summary>
public sealed class JinjaCaseTests
{
    private static readonly JsonObject Document = Load();

    [Fact]
    public void Render_EverySmallTemplate_MatchesJinja()
    {
        var failures = new List<string>();
        foreach (var testCase in Document["cases"]!.AsArray())
        {
            if (testCase!["expected"] is not { } expected)
                continue;
            var template = testCase["template"]!.GetValue<string>();
            string actual;
            try
            {
                actual = Render(template);
            }
            catch (ChatTemplateException error)
            {
                actual = error.Message;
            }
            if (actual != expected.GetValue<string>())
                failures.Add($"{template}\n  expected: {expected}\n  actual:   {actual}");
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    [Fact]
    public void Render_EveryTemplateThatJinjaRefuses_IsRefusedForTheSameReason()
    {
        var failures = new List<string>();
        foreach (var testCase in Document["cases"]!.AsArray())
        {
            if (testCase!["error"] is not { } kind)
                continue;
            var template = testCase["template"]!.GetValue<string>();
            try
            {
                failures.Add($"{template} gave {Render(template)}");
            }
            catch (ChatTemplateException error)
            {
                Assert.True(error.Line >= 1, template);
                // Syntax errors are worded our own way, and Jinja's missing loader is not our reason.
                var message = testCase["message"]!.GetValue<string>();
                if (kind.GetValue<string>() == "evaluation" && !message.StartsWith("no loader", StringComparison.Ordinal)
                    && error.Reason != message)
                {
                    failures.Add($"{template}\n  expected: {message}\n  actual:   {error.Reason}");
                }
            }
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    internal static IEnumerable<string> Templates =>
        Document["cases"]!.AsArray().Select(testCase => testCase!["template"]!.GetValue<string>());

    internal static JsonObject Variables => Document["variables"]!.AsObject();

    private static string Render(string template) => ChatTemplate.Parse(template).Render(ChatTemplateInput.FromJson(
        Variables, new FixedClock(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero))));

    private static JsonObject Load()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
            {
                var file = Path.Combine(folder.FullName, "tests", "Fathom.Models.Tests", "ChatTemplates", "jinja-cases.json");
                return JsonNode.Parse(File.ReadAllText(file))!.AsObject();
            }
        }
        throw new DirectoryNotFoundException("the repository's root is not above " + AppContext.BaseDirectory);
    }
}
