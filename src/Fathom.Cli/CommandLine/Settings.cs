using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace Fathom.Cli.CommandLine;

/// <summary>The kinds of settings that commands have.</summary>
internal static class Settings
{
    public static Setting<int> Integer(string name, string description, int defaultValue, int min, int max = int.MaxValue) =>
        new(name, "N", description, defaultValue, RangeText(min, max), text => InRange(int.Parse(text, CultureInfo.InvariantCulture), min, max), Show(defaultValue));

    public static Setting<ulong> Seed(string description, ulong defaultValue) =>
        new("--seed", "N", description, defaultValue, "a whole number from 0", text => ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture), Show(defaultValue));

    public static Setting<double> Number(string name, string valueName, string description, double defaultValue, double min, double max = double.MaxValue) =>
        new(name, valueName, description, defaultValue, RangeText(min, max), text => InRange(double.Parse(text, CultureInfo.InvariantCulture), min, max), Show(defaultValue));

    /// <summary>A number that may be left out; the default text says what happens then.</summary>
    public static Setting<TNumber?> Optional<TNumber>(string name, string valueName, string description, string defaultText, TNumber min, TNumber max)
        where TNumber : struct, INumber<TNumber> =>
        new(name, valueName, description, null, RangeText(min, max), text => InRange(TNumber.Parse(text, CultureInfo.InvariantCulture), min, max), defaultText);

    public static Setting<long?> Bytes(string name, string description, string defaultText) =>
        new(name, "BYTES", description, null, "a size such as 512MiB, 4GiB or a number of bytes, above 0", text => ByteSize.Parse(text), defaultText);

    public static Setting<string?> Text(string name, string valueName, string description, string? defaultValue = null) =>
        new(name, valueName, description, defaultValue, "text", text => text, defaultValue);

    /// <summary>A text without default; read it with <see cref="ReadRequired"/>.</summary>
    public static Setting<string?> RequiredText(string name, string valueName, string description) =>
        new(name, valueName, $"{description} (required)", null, "a text that is not empty", text => text.Length > 0 ? text : throw new FormatException(), null);

    /// <summary>The text of a setting that some source must have.</summary>
    /// <exception cref="UsageException">No source has it, or it is empty.</exception>
    public static string ReadRequired(this Setting<string?> setting, ParseResult invocation) =>
        setting.Read(invocation) ?? throw new UsageException($"{setting.Name}: is required.");

    /// <summary>One of a list of words, each standing for a value.</summary>
    public static Setting<T> Choice<T>(string name, string description, T defaultValue, params (string Word, T Value)[] choices)
    {
        var words = string.Join('|', choices.Select(choice => choice.Word));
        var defaultWord = choices.First(choice => EqualityComparer<T>.Default.Equals(choice.Value, defaultValue)).Word;
        return new(name, words, description, defaultValue, $"one of {words}", Find, defaultWord);

        T Find(string text)
        {
            foreach (var (word, value) in choices)
                if (string.Equals(word, text, StringComparison.OrdinalIgnoreCase))
                    return value;
            throw new FormatException();
        }
    }

    /// <summary>Whole numbers separated by commas: "1,4,16".</summary>
    public static Setting<int[]> Integers(string name, string description, string defaultText, int min, int max = int.MaxValue) =>
        new(name, "N,N,…", description, defaultText.Length == 0 ? [] : ParseIntegers(defaultText, min, max),
            $"whole numbers separated by commas, each {RangeText(min, max)}", text => ParseIntegers(text, min, max), defaultText.Length == 0 ? null : defaultText);

    /// <summary>"32..512", or one number for both ends.</summary>
    public static Setting<(int Min, int Max)> Range(string name, string description, int min, int max) =>
        new(name, "A..B", description, (min, max), "a range such as 32..512, or one whole number, from 1", ParseRange, $"{min}..{max}");

    private static int[] ParseIntegers(string text, int min, int max) =>
        [.. text.Split(',').Select(part => InRange(int.Parse(part, CultureInfo.InvariantCulture), min, max))];

    private static (int Min, int Max) ParseRange(string text)
    {
        var ends = text.Split("..", 2);
        var min = InRange(int.Parse(ends[0], CultureInfo.InvariantCulture), 1, int.MaxValue);
        var max = ends.Length == 1 ? min : InRange(int.Parse(ends[1], CultureInfo.InvariantCulture), min, int.MaxValue);
        return (min, max);
    }

    private static TNumber InRange<TNumber>(TNumber value, TNumber min, TNumber max) where TNumber : INumber<TNumber> =>
        value >= min && value <= max ? value : throw new OverflowException();

    private static string RangeText<TNumber>(TNumber min, TNumber max) where TNumber : INumber<TNumber>
    {
        var kind = typeof(TNumber) == typeof(double) ? "a number" : "a whole number";
        var unbounded = max is int.MaxValue or long.MaxValue or double.MaxValue;
        return unbounded ? $"{kind} from {Show(min)}" : $"{kind} from {Show(min)} to {Show(max)}";
    }

    private static string Show<TNumber>(TNumber value) where TNumber : INumber<TNumber> => value.ToString(null, CultureInfo.InvariantCulture);
}
