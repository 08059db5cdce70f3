using System.Text.RegularExpressions;

namespace Fathom.Repository.Tests;

/// <summary>House rules over the text of the sources that neither the compiler nor an analyzer holds.</summary>
public partial class SourceRulesTests
{
    private const int FileLinesMax = 1000;

    /// <summary>The entry of the tool that MSBuild runs for storage functions in C#.</summary>
    private const string BuildTool = "src/Fathom.Bpf.Compiler/Program.cs";

    /// <summary>Files above the limit, each with the reason it stays whole.</summary>
    private static readonly Dictionary<string, string> LongFiles = [];

    /// <summary>
    /// Projects that may hold unsafe code: native memory and the kernels over it, the engines that run programs on it, the
    /// native devices (rings, shared memory), the trainer's matrix product, and the guest that calls the kernel module badly.
    /// </summary>
    private static readonly string[] UnsafeProjects =
    [
        "src/Fathom.Memory", "src/Fathom.Kernels", "src/Fathom.FarMemory", "src/Fathom.Bpf", "src/Fathom.Storage",
        "models/Fathom.BuiltinModel", "kernel/test/Fathom.KernelGuest",
    ];

    private static IEnumerable<string> Sources() =>
        new[] { "src", "bench", "models", "samples", "tests" }
            .Where(folder => Directory.Exists(Path.Combine(RepositoryTree.Root, folder)))
            .SelectMany(folder => RepositoryTree.Files(folder, "*.cs"));

    private static IEnumerable<string> ShippedSources() => Sources().Where(path => !path.StartsWith("tests/", StringComparison.Ordinal));

    [Fact]
    public void Files_StayBelowAThousandLines()
    {
        var tooLong = Sources().Where(path => RepositoryTree.Lines(path).Count > FileLinesMax && !LongFiles.ContainsKey(path));
        Assert.Empty(tooLong);
    }

    [Fact]
    public void LongFileEntries_StillNameALongFile()
    {
        foreach (var (path, reason) in LongFiles)
        {
            Assert.False(string.IsNullOrWhiteSpace(reason));
            Assert.True(RepositoryTree.Lines(path).Count > FileLinesMax, $"{path} is short again: remove its entry.");
        }
    }

    [Fact]
    public void Sources_HoldNoPlaceholders() => AssertNoLine(
        Sources().Where(path => !path.EndsWith("SourceRulesTests.cs", StringComparison.Ordinal)),
        PlaceholderPattern());

    [Fact]
    public void Sources_HoldNoSwallowingCatch() => AssertNoLine(ShippedSources(), SwallowingCatchPattern());

    [Fact]
    public void Libraries_DoNotWriteToTheConsole() => AssertNoLine(
        RepositoryTree.Files("src", "*.cs").Where(path => !path.StartsWith("src/Fathom.Cli/", StringComparison.Ordinal) && path != BuildTool),
        ConsolePattern());

    [Fact]
    public void Types_AreNamedInTheFieldsOwnWords() => AssertNoLine(ShippedSources(), VagueTypeNamePattern());

    [Fact]
    public void UnsafeCode_StandsOnlyWhereItIsExpected()
    {
        var projects = RepositoryTree.Files("", "*.csproj")
            .Where(path => !path.StartsWith("tests/", StringComparison.Ordinal))
            .Where(path => RepositoryTree.Read(path).Contains("<AllowUnsafeBlocks>true", StringComparison.Ordinal))
            .Select(path => Path.GetDirectoryName(path)!.Replace('\\', '/'));
        Assert.Empty(projects.Except(UnsafeProjects));
    }

    [Fact]
    public void Namespaces_FollowFolders()
    {
        var strays = new List<string>();
        foreach (var path in RepositoryTree.Files("src", "*.cs"))
        {
            var parts = path.Split('/');
            var expected = string.Join('.', parts[1..^1]);
            var match = NamespacePattern().Match(RepositoryTree.Read(path));
            if (match.Success && match.Groups[1].Value != expected)
                strays.Add($"{path}: {match.Groups[1].Value}, expected {expected}");
        }
        Assert.Empty(strays);
    }

    [Fact]
    public void LogEventIds_AreUniqueAndInTheirProjectsRange()
    {
        var ranges = new Dictionary<string, (int First, int Last)>
        {
            ["Fathom.Models"] = (1000, 1999),
            ["Fathom.Serving"] = (2000, 2999),
            ["Fathom.Server"] = (3000, 3999),
            ["Fathom.Cli"] = (4000, 4999),
            ["Fathom.FarMemory"] = (5000, 5999),
            ["Fathom.Storage"] = (6000, 6499),
            ["Fathom.Storage.KeyValue"] = (6500, 6999),
            ["Fathom.Tiering"] = (7000, 7999),
        };
        var seen = new Dictionary<int, string>();
        foreach (var path in RepositoryTree.Files("src", "*.cs"))
        {
            foreach (Match match in LogEventPattern().Matches(RepositoryTree.Read(path)))
            {
                var id = int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
                var project = path.Split('/')[1];
                Assert.True(seen.TryAdd(id, path), $"Event id {id} stands in {path} and in {seen.GetValueOrDefault(id)}.");
                Assert.True(ranges.TryGetValue(project, out var range), $"{project} logs but has no range of event ids.");
                Assert.InRange(id, range.First, range.Last);
            }
        }
    }

    [Fact]
    public void SourceProjects_EachHaveAReadme()
    {
        var missing = RepositoryTree.Files("src", "*.csproj")
            .Select(path => Path.GetDirectoryName(path)!.Replace('\\', '/') + "/README.md")
            .Where(path => !File.Exists(Path.Combine(RepositoryTree.Root, path)));
        Assert.Empty(missing);
    }

    [Fact]
    public void SourceProjects_EachHaveTests()
    {
        var missing = RepositoryTree.Files("src", "*.csproj")
            .Select(path => Path.GetFileNameWithoutExtension(path))
            .Where(name => !File.Exists(Path.Combine(RepositoryTree.Root, "tests", $"{name}.Tests", $"{name}.Tests.csproj")));
        Assert.Empty(missing);
    }

    [Fact]
    public void Solution_ListsEveryProject()
    {
        var solution = RepositoryTree.Read("Fathom.slnx");
        foreach (var project in RepositoryTree.Files("", "*.csproj"))
            Assert.Contains($"\"{project}\"", solution, StringComparison.Ordinal);
    }

    [Fact]
    public void RelativeLinks_InDocumentation_PointAtFiles()
    {
        var broken = new List<string>();
        foreach (var path in RepositoryTree.Files("", "*.md"))
        {
            foreach (Match match in LinkPattern().Matches(RepositoryTree.Read(path)))
            {
                var target = match.Groups[1].Value.Split('#')[0];
                if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal))
                    continue;
                var full = Path.Combine(RepositoryTree.Root, Path.GetDirectoryName(path)!, target);
                if (!File.Exists(full) && !Directory.Exists(full))
                    broken.Add($"{path} -> {target}");
            }
        }
        Assert.Empty(broken);
    }

    private static void AssertNoLine(IEnumerable<string> paths, Regex pattern)
    {
        var hits = from path in paths
                   from line in RepositoryTree.Lines(path).Select((text, index) => (text, number: index + 1))
                   where pattern.IsMatch(line.text)
                   select $"{path}:{line.number}: {line.text.Trim()}";
        Assert.Empty(hits);
    }

    [GeneratedRegex(@"NotImplementedException|//.*\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex PlaceholderPattern();

    [GeneratedRegex(@"\bcatch\s*(\(\s*Exception\s*\w*\s*\))?\s*\{\s*\}")]
    private static partial Regex SwallowingCatchPattern();

    [GeneratedRegex(@"\bConsole\.(Write|Out|Error)")]
    private static partial Regex ConsolePattern();

    [GeneratedRegex(@"\b(class|struct|interface|record)\s+\w+(Manager|Helper|Helpers|Utils|Processor|Info)\b")]
    private static partial Regex VagueTypeNamePattern();

    [GeneratedRegex(@"^namespace\s+([\w.]+)\s*;", RegexOptions.Multiline)]
    private static partial Regex NamespacePattern();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex LogEventPattern();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex LinkPattern();
}
