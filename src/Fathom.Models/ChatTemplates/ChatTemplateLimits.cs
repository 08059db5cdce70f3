namespace Fathom.Models.ChatTemplates;

/// <summary>Bounds of one rendering. Templates come from model files and are hostile until proven otherwise.</summary>
/// <remarks>Real templates over conversations of thousands of turns stay two orders of magnitude below the defaults.</remarks>
public sealed record ChatTemplateLimits
{
    /// <summary>The defaults.</summary>
    public static ChatTemplateLimits Default { get; } = new();

    /// <summary>Evaluated expressions, executed statements, loop turns and elements touched by filters.</summary>
    public long StepsMax { get; init; } = 20_000_000;

    /// <summary>Macro calls, recursive loops and call blocks inside one another.</summary>
    public int DepthMax { get; init; } = 200;

    /// <summary>Characters (UTF-16 units) of the rendered text, and of any single string on the way.</summary>
    public int OutputCharactersMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>Characters (UTF-16 units) of all strings built on the way together.</summary>
    public long TextCharactersMax { get; init; } = 256L * 1024 * 1024;
}
