using System.Text.RegularExpressions;

namespace Fathom.Repository.Tests;

/// <summary>Pages that name tests name tests that there are.</summary>
public sealed partial class DocumentedTestsTests
{
    [Fact]
    public void FarMemoryFailures_NameTestsThatExist()
    {
        var sources = string.Concat(RepositoryTree.Files("tests", "*.cs").Select(RepositoryTree.Read));
        var named = TestName().Matches(RepositoryTree.Read("docs/far-memory-failures.md")).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.NotEmpty(named);
        Assert.All(named, name => Assert.Contains($" {name}(", sources, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"`([A-Z]\w*_\w+)`")]
    private static partial Regex TestName();
}
