namespace Fathom.Bpf.Tests.Elf;

/// <summary>Files of the repository that tests read.</summary>
internal static class TreeFiles
{
    public static string Root { get; } = FindRoot();

    public static string Functions => Path.Combine(Root, "functions");

    public static string Objects => Path.Combine(Functions, "objects");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
                return folder.FullName;
        }
        throw new InvalidOperationException("Fathom.slnx is in no folder above the tests.");
    }
}
