using System.Text;
using System.Text.Unicode;
using Fathom.Models.Tokenization;

namespace Fathom.Server.OpenAi;

/// <summary>How single tokens are spelled in responses. A token need not be whole characters, so it also goes out as bytes.</summary>
internal static class TokenStrings
{
    /// <summary>The token's text; one that is not whole characters is written as <c>\xNN</c> escapes, as OpenAI does.</summary>
    public static string Of(Tokenizer tokenizer, int token)
    {
        if (tokenizer.IsControl(token))
            return tokenizer.TokenText(token);
        var bytes = tokenizer.TokenBytes(token);
        if (Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);

        var escapes = new StringBuilder(bytes.Length * 4);
        foreach (var b in bytes)
            escapes.Append("\\x").Append(b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        return escapes.ToString();
    }
}
