using System.Globalization;
using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates;

namespace Fathom.Models.Tests.ChatTemplates;

/// <summary>Templates of real models against what Jinja2 renders for the same input (shared data, see its README).</summary>
public sealed class RealTemplateTests
{
    [SkippableFact]
    public void Render_EveryRecordedCase_MatchesJinjaToTheByte()
    {
        var folder = FindFolder();
        Skip.If(folder is null, "../shared/data/chat-templates is not beside this checkout");
        var document = JsonNode.Parse(File.ReadAllText(Path.Combine(folder!, "cases.json")))!.AsObject();
        var clock = new FixedClock(DateTimeOffset.Parse(
            document["strftime_now"]!.GetValue<string>(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));
        var failures = new List<string>();
        var cases = document["cases"]!.AsArray();
        foreach (var testCase in cases)
        {
            var name = testCase!["template"]!.GetValue<string>();
            var template = ChatTemplate.Parse(File.ReadAllText(Path.Combine(folder!, name)));
            var expected = testCase["expected"]?.GetValue<string>() ?? "error " + testCase["error"]!.GetValue<string>();
            string actual;
            try
            {
                actual = template.Render(ChatTemplateInput.FromJson(testCase["input"]!.AsObject(), clock));
            }
            catch (ChatTemplateException error) when (error.Kind == ChatTemplateErrorKind.Raised)
            {
                actual = "error TemplateError: " + error.Reason;
            }
            if (actual != expected)
                failures.Add($"{name} / {testCase["case"]}:\n--- expected\n{expected}\n--- actual\n{actual}");
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
        Assert.True(cases.Count >= 72);
    }

    private static string? FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
                continue;
            var data = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "data", "chat-templates"));
            return Directory.Exists(data) ? data : null;
        }
        return null;
    }
}
