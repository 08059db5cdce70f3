using System.Globalization;
using System.Text;

namespace Fathom.Bpf.Execution;

/// <summary>The format strings of bpf_trace_printk: %d %i %u %x %c %p and %%, with l, ll and z, without width; at most three.</summary>
internal static class TraceMessage
{
    public const int FormatBytesMax = 1024;

    /// <param name="format">Up to its first zero byte.</param>
    /// <param name="arguments">R3 to R5. Never taken for addresses of text.</param>
    /// <param name="message">The text, empty when the format is none.</param>
    public static bool TryFormat(ReadOnlySpan<byte> format, ReadOnlySpan<ulong> arguments, out string message)
    {
        message = "";
        var end = format.IndexOf((byte)0);
        var text = Encoding.UTF8.GetString(end < 0 ? format : format[..end]);
        var output = new StringBuilder();
        var used = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                output.Append(text[i]);
                continue;
            }
            var start = ++i;
            while (i < text.Length && text[i] is 'l' or 'z')
                i++;
            if (i >= text.Length || i - start > 2)
                return false;
            if (text[i] == '%')
            {
                output.Append('%');
                continue;
            }
            if (used >= arguments.Length)
                return false;
            var value = arguments[used++];
            if (!AppendValue(output, text[i], isWide: i > start, value))
                return false;
        }
        message = output.ToString().TrimEnd('\n');
        return true;
    }

    private static bool AppendValue(StringBuilder output, char conversion, bool isWide, ulong value)
    {
        var unsigned = isWide ? value : (uint)value;
        switch (conversion)
        {
            case 'd' or 'i':
                output.Append(CultureInfo.InvariantCulture, $"{(isWide ? (long)value : (int)value)}");
                return true;
            case 'u':
                output.Append(CultureInfo.InvariantCulture, $"{unsigned}");
                return true;
            case 'x':
                output.Append(CultureInfo.InvariantCulture, $"{unsigned:x}");
                return true;
            case 'p':
                output.Append(CultureInfo.InvariantCulture, $"{value:x16}");
                return true;
            case 'c':
                output.Append((char)(byte)value);
                return true;
            default:
                return false;
        }
    }
}
