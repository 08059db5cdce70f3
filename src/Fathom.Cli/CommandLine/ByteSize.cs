using System.Globalization;

namespace Fathom.Cli.CommandLine;

/// <summary>Sizes as people write them: "4096", "512MiB", "1.5 GiB", "2GB".</summary>
internal static class ByteSize
{
    private static readonly (string Suffix, double Bytes)[] Units =
    [
        ("KiB", 1024d), ("MiB", 1024d * 1024), ("GiB", 1024d * 1024 * 1024), ("TiB", 1024d * 1024 * 1024 * 1024),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ];

    /// <exception cref="FormatException">Not a size.</exception>
    /// <exception cref="OverflowException">Not above zero, or beyond 2^63 - 1.</exception>
    public static long Parse(string text)
    {
        var number = text.Trim();
        var factor = 1d;
        foreach (var (suffix, bytes) in Units)
        {
            if (!number.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                continue;
            number = number[..^suffix.Length].TrimEnd();
            factor = bytes;
            break;
        }
        var size = double.Parse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) * factor;
        return size is >= 1 and < long.MaxValue ? (long)size : throw new OverflowException();
    }

    /// <summary>Largest binary unit that leaves at least one: "1.1 GiB".</summary>
    public static string Format(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var value = (double)bytes;
        var unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++)
            value /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }
}
