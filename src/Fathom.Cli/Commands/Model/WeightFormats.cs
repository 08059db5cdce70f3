using Fathom.Cli.CommandLine;
using Fathom.Models.Quantization;

namespace Fathom.Cli.Commands.Model;

/// <summary>The --type option of the commands that write models.</summary>
internal static class WeightFormats
{
    public static Setting<WeightFormat> Type { get; } = Settings.Choice(
        "--type", "How the weights are stored.", WeightFormat.Find("q8_0")!, [.. WeightFormat.All.Select(format => (format.Name, format))]);
}
