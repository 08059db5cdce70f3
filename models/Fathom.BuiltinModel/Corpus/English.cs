namespace Fathom.BuiltinModel.Corpus;

/// <summary>The little grammar that the templates need.</summary>
internal static class English
{
    /// <summary>The noun phrase with "a" or "an".</summary>
    public static string A(string phrase) => "aeiou".Contains(phrase[0], StringComparison.Ordinal) ? $"an {phrase}" : $"a {phrase}";

    /// <summary>The text with its first letter in upper case.</summary>
    public static string Sentence(string text) => char.IsAsciiLetterLower(text[0]) ? char.ToUpperInvariant(text[0]) + text[1..] : text;

    /// <summary>"one apple", "three apples".</summary>
    public static string Count(int number, (string One, string Many) noun) => $"{World.Numbers[number]} {(number == 1 ? noun.One : noun.Many)}";

    /// <summary>The phrase without a leading "the ".</summary>
    public static string Plain(string text) => text.StartsWith("the ", StringComparison.Ordinal) ? text[4..] : text;
}
