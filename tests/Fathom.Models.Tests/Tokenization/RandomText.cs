using System.Text;

namespace Fathom.Models.Tests.Tokenization;

/// <summary>Text that tokenizers find hard: runs of one kind, then another, from all over Unicode.</summary>
internal static class RandomText
{
    private static readonly (int First, int Last)[] Blocks =
    [
        ('a', 'z'), ('A', 'Z'), ('0', '9'), (' ', ' '), ('\t', '\r'), ('!', '/'), ('[', '`'), ('{', '~'), (0xA0, 0xFF), (0x100, 0x24F), (0x300, 0x36F),
        (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF),
        (0x2000, 0x206F), (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2460, 0x24FF), (0x2580, 0x2590), (0x3000, 0x30FF), (0x4E00, 0x9FFF),
        (0xAC00, 0xD7A3), (0xE000, 0xE010), (0xFB00, 0xFB06), (0xFF01, 0xFF60), (0xFFF0, 0xFFFF), (0x10000, 0x1007F), (0x10400, 0x1044F),
        (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F), (0x20000, 0x2005F), (0xE0000, 0xE007F), (0, 0x10FFFF),
    ];

    private static readonly string[] Snippets = ["'s", "'LL", " '", "\n\n", "\r\n", "  ", "\n ", " \n", "...", "12345", "don't", "▁", "</s>", "<|im_end|>"];

    public static string Next(Random random, int runs)
    {
        var text = new StringBuilder();
        while (runs-- > 0)
        {
            if (random.Next(5) == 0)
            {
                text.Append(Snippets[random.Next(Snippets.Length)]);
                continue;
            }

            // Half of the runs are plain, as most text is.
            var (first, last) = Blocks[random.Next(random.Next(2) == 0 ? 6 : Blocks.Length)];
            for (var length = random.Next(1, 5); length > 0; length--)
            {
                if (Rune.TryCreate(random.Next(first, last + 1), out var rune))
                    text.Append(rune.ToString());
            }
        }

        return text.ToString();
    }
}
