using System.Text;

namespace Fathom.LoadGenerator;

/// <summary>Prompts for servers that take text only: plain English words, one chosen by each token id.</summary>
internal static class PromptText
{
    private static readonly string[] Words =
        ("the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all "
        + "were we when your can said there use an each which she do how their if will up other about out many then them these so "
        + "some her would make like him into time has look two more write go see number no way could people my than first water been "
        + "call who oil its now find long down day did get come made may part").Split(' ');

    /// <param name="tokens">The prompt as token ids; equal prefixes give equal beginnings of the text.</param>
    /// <param name="tokensPerWord">What the server counts for one word, measured beforehand.</param>
    public static string Of(ReadOnlySpan<int> tokens, double tokensPerWord)
    {
        var words = Math.Max(1, (int)Math.Round(tokens.Length / tokensPerWord));
        var text = new StringBuilder(words * 5);
        for (var i = 0; i < words; i++)
        {
            if (i > 0)
                text.Append(' ');
            text.Append(Words[tokens[i % tokens.Length] % Words.Length]);
        }
        return text.ToString();
    }
}
