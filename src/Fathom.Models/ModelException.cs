using System.Text;

namespace Fathom.Models;

/// <summary>Base of every error this library reports about its input: a model file, its tokenizer, its template.</summary>
/// <remarks>The message is always one line of printable text, whatever the file contains, and names file, field and problem.</remarks>
public abstract class ModelException : Exception
{
    private const int FieldCharsMax = 96;
    private const int ProblemCharsMax = 320;

    /// <summary>Composes the message "source: field: problem".</summary>
    /// <param name="source">File, folder or other origin of the bad input.</param>
    /// <param name="field">What in it is wrong: a key, a tensor name, a position.</param>
    /// <param name="problem">What is wrong with it, with the value that was found.</param>
    /// <param name="inner">The cause, when another exception reported it.</param>
    protected ModelException(string source, string field, string problem, Exception? inner = null)
        : base($"{Printable(source, int.MaxValue)}: {Printable(field, FieldCharsMax)}: {Printable(problem, ProblemCharsMax)}", inner)
    {
        Origin = source;
        Field = field;
        Problem = problem;
    }

    /// <summary>File, folder or other origin of the bad input.</summary>
    public string Origin { get; }

    /// <summary>The key, tensor or position that is wrong, exactly as found.</summary>
    public string Field { get; }

    /// <summary>What is wrong, exactly as composed (may hold text from the input).</summary>
    public string Problem { get; }

    /// <summary>Control characters and line breaks in hostile text must not reach a terminal or a log line.</summary>
    private static string Printable(string text, int charsMax)
    {
        var printable = new StringBuilder(Math.Min(text.Length, 512));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (printable.Length >= charsMax)
            {
                printable.Append('…');
                break;
            }

            bool plain = !Rune.IsControl(rune) && rune.Value is not (0x2028 or 0x2029 or 0xFEFF) && rune.Value is not (>= 0x202A and <= 0x202E)
                && rune.Value is not (>= 0x2066 and <= 0x2069);
            if (plain)
                printable.Append(rune.ToString());
            else
                printable.Append($"\\u{rune.Value:x4}");
        }

        return printable.ToString();
    }
}
