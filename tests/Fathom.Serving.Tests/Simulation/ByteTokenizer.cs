using System.Text;
using Fathom.Models.Tokenization;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>Tokens 0 to 255 are bytes, then words of up to four letters, and the last one ends generation.</summary>
internal sealed class ByteTokenizer(int vocabularySize = 300) : Tokenizer
{
    private readonly byte[][] _bytes = [.. Enumerable.Range(0, vocabularySize).Select(id => id < 256 ? [(byte)id] : Word(id))];

    public override int VocabularySize => vocabularySize;

    public int End => vocabularySize - 1;

    public override bool AddsBeginOfSequence => false;

    public override int[] Encode(string text, bool addSpecial, bool parseSpecial) => [.. Encoding.UTF8.GetBytes(text).Select(b => (int)b)];

    public override ReadOnlySpan<byte> TokenBytes(int id) => IsControl(id) ? [] : _bytes[id];

    public override string TokenText(int id) => IsControl(id) ? "<end>" : Encoding.Latin1.GetString(_bytes[id]);

    public override bool TryGetToken(string text, out int id)
    {
        id = text == "<end>" ? End : -1;
        return id >= 0;
    }

    public override bool IsControl(int id)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)vocabularySize);
        return id == End;
    }

    public override bool IsEndOfGeneration(int id) => id == End;

    private static byte[] Word(int id) => [.. Encoding.ASCII.GetBytes("word"[..(1 + (id % 4))]), (byte)('a' + (id % 26))];
}
