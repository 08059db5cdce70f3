using System.Reflection;

namespace Fathom.Server;

/// <summary>The version this build calls itself.</summary>
internal static class ServerVersion
{
    /// <summary>Informational version of the assembly, with the commit when the build recorded it.</summary>
    public static string Text { get; } =
        typeof(ServerVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
