namespace Fathom.Cli.CommandLine;

/// <summary>Where a command writes: results to <paramref name="Output"/>, everything else to <paramref name="Error"/>.</summary>
internal sealed record Terminal(TextWriter Output, TextWriter Error)
{
    /// <summary>Progress is drawn only where a person sees it.</summary>
    public bool ShowsProgress { get; } = !Console.IsErrorRedirected;
}
