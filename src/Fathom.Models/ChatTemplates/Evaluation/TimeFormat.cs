using System.Globalization;
using System.Text;

namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>C's <c>strftime</c> in the C locale, as <c>datetime.strftime</c> uses it on Linux.</summary>
internal static class TimeFormat
{
    public static string Format(DateTimeOffset time, string format, RenderBudget budget)
    {
        var text = new StringBuilder(format.Length + 16);
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            var start = i++;
            var flag = format[i] is '-' or '_' or '0' or '^' && i + 1 < format.Length ? format[i++] : '\0';
            if (Field(time, format[i], flag) is { } field)
                text.Append(flag == '^' ? field.ToUpperInvariant() : field);
            else
                text.Append(format, start, i - start + 1);
            if (text.Length > budget.StringCharactersMax)
                budget.ChargeText(text.Length);
        }
        return text.ToString();
    }

    private static string? Field(DateTimeOffset time, char directive, char flag)
    {
        var invariant = CultureInfo.InvariantCulture;
        string Padded(int value, int width, char pad = '0') => flag switch
        {
            '-' => value.ToString(invariant),
            '_' => value.ToString(invariant).PadLeft(width),
            '0' => value.ToString(invariant).PadLeft(width, '0'),
            _ => value.ToString(invariant).PadLeft(width, pad),
        };
        var hour12 = time.Hour % 12 == 0 ? 12 : time.Hour % 12;
        var sinceMonday = ((int)time.DayOfWeek + 6) % 7;
        return directive switch
        {
            'a' => time.ToString("ddd", invariant),
            'A' => time.ToString("dddd", invariant),
            'b' or 'h' => time.ToString("MMM", invariant),
            'B' => time.ToString("MMMM", invariant),
            'c' => time.ToString("ddd MMM ", invariant) + time.Day.ToString(invariant).PadLeft(2) + time.ToString(" HH:mm:ss yyyy", invariant),
            'C' => Padded(time.Year / 100, 2),
            'd' => Padded(time.Day, 2),
            'D' or 'x' => time.ToString("MM/dd/yy", invariant),
            'e' => Padded(time.Day, 2, ' '),
            'f' => (time.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond).ToString("000000", invariant),
            'F' => time.ToString("yyyy-MM-dd", invariant),
            'g' => Padded(ISOWeek.GetYear(time.DateTime) % 100, 2),
            'G' => ISOWeek.GetYear(time.DateTime).ToString(invariant),
            'H' => Padded(time.Hour, 2),
            'I' => Padded(hour12, 2),
            'j' => Padded(time.DayOfYear, 3),
            'k' => Padded(time.Hour, 2, ' '),
            'l' => Padded(hour12, 2, ' '),
            'm' => Padded(time.Month, 2),
            'M' => Padded(time.Minute, 2),
            'n' => "\n",
            'p' => time.Hour < 12 ? "AM" : "PM",
            'P' => time.Hour < 12 ? "am" : "pm",
            'r' => Padded(hour12, 2) + time.ToString(":mm:ss ", invariant) + (time.Hour < 12 ? "AM" : "PM"),
            'R' => time.ToString("HH:mm", invariant),
            's' => time.ToUnixTimeSeconds().ToString(invariant),
            'S' => Padded(time.Second, 2),
            't' => "\t",
            'T' or 'X' => time.ToString("HH:mm:ss", invariant),
            'u' => (sinceMonday + 1).ToString(invariant),
            'U' => Padded((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7, 2),
            'V' => Padded(ISOWeek.GetWeekOfYear(time.DateTime), 2),
            'w' => ((int)time.DayOfWeek).ToString(invariant),
            'W' => Padded((time.DayOfYear + 6 - sinceMonday) / 7, 2),
            'y' => Padded(time.Year % 100, 2),
            'Y' => time.Year.ToString(invariant),
            // datetime.now() has no zone, for which these two are empty.
            'z' or 'Z' => "",
            '%' => "%",
            _ => null,
        };
    }
}
