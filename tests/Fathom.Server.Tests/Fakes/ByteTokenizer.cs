using System.Text;
using Fathom.Models.Tokenization;

namespace Fathom.Server.Tests.Fakes;

/// <summary>One token a byte, and control tokens that mark the turns of a chat: text and tokens can be read off each other.</summary>
internal sealed class ByteTokenizer : Tokenizer
{
    public const int Begin = 256;
    public const int End = 257;
    public const int User = 258;
    public const int Assistant = 259;
    public const int System = 260;
    public const int Tool = 261;
    public const int EndOfTurn = 262;

    public const string ChatTemplateSource =
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

    private static readonly string[] s_controls = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>", "<|tool|>", "<|end|>"];

    private readonly byte[] _bytes = [.. Enumerable.Range(0, 256).Select(static b => (byte)b)];

    public ByteTokenizer()
    {
        BeginOfSequence = Begin;
        EndOfSequence = End;
    }

    public override int VocabularySize => 256 + s_controls.Length;

    public override bool AddsBeginOfSequence => true;

    public override int[] Encode(string text, bool addSpecial, bool parseSpecial)
    {
        var tokens = new List<int>();
        if (addSpecial)
            tokens.Add(Begin);
        for (var at = 0; at < text.Length;)
        {
            var control = parseSpecial ? Array.FindIndex(s_controls, c => string.CompareOrdinal(text, at, c, 0, c.Length) == 0) : -1;
            if (control >= 0)
            {
                tokens.Add(256 + control);
                at += s_controls[control].Length;
                continue;
            }

            var rune = Rune.TryGetRuneAt(text, at, out var valid) ? valid : Rune.ReplacementChar;
            var utf8 = new byte[4];
            foreach (var b in utf8.AsSpan(0, rune.EncodeToUtf8(utf8)))
                tokens.Add(b);
            at += rune == Rune.ReplacementChar ? 1 : rune.Utf16SequenceLength;
        }

        return [.. tokens];
    }

    public override ReadOnlySpan<byte> TokenBytes(int id) => IsControl(id) ? [] : _bytes.AsSpan(id, 1);

    public override string TokenText(int id) => IsControl(id) ? s_controls[id - 256] : ((char)id).ToString();

    public override bool TryGetToken(string text, out int id)
    {
        id = Array.IndexOf(s_controls, text) is >= 0 and var control ? 256 + control : text.Length == 1 && text[0] < 256 ? text[0] : -1;
        return id >= 0;
    }

    public override bool IsControl(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, VocabularySize);
        return id >= 256;
    }

    public override bool IsEndOfGeneration(int id) => id is End or EndOfTurn;
}
