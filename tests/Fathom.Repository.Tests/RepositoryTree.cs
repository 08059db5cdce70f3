using System.Xml.Linq;

namespace Fathom.Repository.Tests;

/// <summary>The checkout that these tests were built from: found by walking up to the folder that holds Fathom.slnx.</summary>
internal static class RepositoryTree
{
    private static readonly string[] BuildOutputs = ["bin", "obj", "node_modules", "TestResults", "BenchmarkDotNet.Artifacts"];

    public static string Root { get; } = FindRoot();

    /// <summary>Files below <paramref name="folder"/> (relative to the root, "" for all), as root-relative paths with '/', build outputs left out.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => BuildOutputs.Contains(part) || part == ".git"))
            .Order(StringComparer.Ordinal);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static IReadOnlyList<string> Lines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    /// <summary>Names of the projects that a project file references.</summary>
    public static IReadOnlyList<string> ProjectReferences(string projectPath) =>
        [.. XDocument.Parse(Read(projectPath)).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')))];

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
                return folder.FullName;
        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Fathom.slnx.");
    }
}
