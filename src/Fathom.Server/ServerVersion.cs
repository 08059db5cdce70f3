using System.Reflection;

namespace Fathom.Server;

/// <summary>The version this build calls itself.</summary>
internal static class ServerVersion
{
    /// <summary>Informational version of the assembly, with the commit when the build recorded it.</summary>
    public static string Text { get; } =
        Shorten(typeof(ServerVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0");

    /// <summary>Keeps nine digits of the commit: every chunk of a stream carries the version.</summary>
    private static string Shorten(string version)
    {
        const int commitDigits = 9;
        var commit = version.IndexOf('+', StringComparison.Ordinal) + 1;
        return commit > 0 && version.Length > commit + commitDigits ? version[..(commit + commitDigits)] : version;
    }
}
