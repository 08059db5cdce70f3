using System.Xml.Linq;

namespace Fathom.Repository.Tests;

/// <summary>References between projects go one way; an arrow that is not listed here is a design decision, not a detail.</summary>
public class ReferenceDirectionTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Fathom.Memory"] = [],
        ["Fathom.Kernels"] = ["Fathom.Memory"],
        ["Fathom.Models"] = ["Fathom.Kernels", "Fathom.Memory"],
        ["Fathom.Serving"] = ["Fathom.Models", "Fathom.Kernels", "Fathom.Memory"],
        ["Fathom.Server"] = ["Fathom.Serving", "Fathom.Models"],
        ["Fathom.FarMemory"] = ["Fathom.Memory"],
        ["Fathom.Bpf"] = ["Fathom.Memory"],
        ["Fathom.Bpf.Compiler"] = ["Fathom.Bpf", "Fathom.Memory"],
        ["Fathom.Storage"] = ["Fathom.Bpf", "Fathom.Memory"],
        ["Fathom.Storage.KeyValue"] = ["Fathom.Storage", "Fathom.Bpf", "Fathom.Memory"],
        ["Fathom.Tiering"] =
            ["Fathom.Serving", "Fathom.FarMemory", "Fathom.Storage", "Fathom.Storage.KeyValue", "Fathom.Bpf", "Fathom.Models", "Fathom.Kernels", "Fathom.Memory"],
        ["Fathom.KernelGuest"] = ["Fathom.Storage.KeyValue", "Fathom.Storage", "Fathom.Bpf.Compiler"],
        ["Fathom.LoadGenerator"] = [],
        ["Fathom.Microbenchmarks"] = ["Fathom.FarMemory", "Fathom.Kernels"],
        ["Fathom.Ycsb"] = ["Fathom.Storage.KeyValue", "Fathom.Storage", "Fathom.Memory"],
        ["Fathom.BuiltinModel"] = ["Fathom.Models", "Fathom.Kernels", "Fathom.Memory"],
    };

    private static readonly string[] BaseLibraries = ["Fathom.Memory", "Fathom.Kernels", "Fathom.Bpf"];

    public static TheoryData<string> Projects() =>
        [.. RepositoryTree.Files("", "*.csproj").Where(path => !path.StartsWith("tests/", StringComparison.Ordinal) && !path.StartsWith("samples/", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_FollowTheAllowedDirections(string project)
    {
        var name = Path.GetFileNameWithoutExtension(project);
        if (name == "Fathom.Cli")
            return; // The composition root may reference everything.
        Assert.True(Allowed.ContainsKey(name), $"{name} is not in the list of allowed reference directions: add it with the arrows it needs.");
        var unexpected = RepositoryTree.ProjectReferences(project).Except(Allowed[name]);
        Assert.Empty(unexpected);
    }

    [Fact]
    public void BaseLibraries_TakeNoPackages()
    {
        foreach (var library in BaseLibraries)
        {
            var project = XDocument.Parse(RepositoryTree.Read($"src/{library}/{library}.csproj"));
            Assert.Empty(project.Descendants("PackageReference"));
        }
    }

    [Fact]
    public void NothingBelowTheServer_ReferencesAspNetCoreOrHosting()
    {
        foreach (var library in Allowed.Keys.Where(name => name is not "Fathom.Server" && !name.StartsWith("Fathom.BuiltinModel", StringComparison.Ordinal)))
        {
            var path = RepositoryTree.Files("", $"{library}.csproj").Single();
            var text = RepositoryTree.Read(path);
            Assert.DoesNotContain("Microsoft.AspNetCore", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Extensions.Hosting", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Extensions.DependencyInjection", text, StringComparison.Ordinal);
        }
    }
}
