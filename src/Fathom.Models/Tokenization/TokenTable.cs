namespace Fathom.Models.Tokenization;

/// <summary>What a token is, with GGUF's numbers.</summary>
internal enum TokenKind
{
    /// <summary>Not said; stands for no text.</summary>
    Undefined = 0,

    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Stands for what has no token.</summary>
    Unknown = 2,

    /// <summary>Steers the model.</summary>
    Control = 3,

    /// <summary>Text that is always this token, found before anything else is split.</summary>
    UserDefined = 4,

    /// <summary>Reserved; never made from text.</summary>
    Unused = 5,

    /// <summary>One raw byte.</summary>
    Byte = 6,
}

/// <summary>The tokens of a vocabulary by id: spelling, kind, and the bytes each stands for.</summary>
internal sealed class TokenTable
{
    private readonly string[] _texts;
    private readonly TokenKind[] _kinds;
    private readonly byte[] _bytes;
    private readonly int[] _starts;

    /// <summary>Takes over both arrays.</summary>
    /// <param name="texts">Spellings, by id; null where the vocabulary has a hole.</param>
    /// <param name="kinds">Kinds, by id.</param>
    /// <param name="bytesOf">Bytes that an id stands for; asked once for each that is neither control nor unknown.</param>
    public TokenTable(string?[] texts, TokenKind[] kinds, Func<int, ReadOnlyMemory<byte>> bytesOf)
    {
        _texts = Array.ConvertAll(texts, t => t ?? "");
        _kinds = kinds;
        _starts = new int[texts.Length + 1];
        using var bytes = new MemoryStream();
        for (var id = 0; id < texts.Length; id++)
        {
            if (texts[id] is not null && kinds[id] is not (TokenKind.Control or TokenKind.Unknown))
                bytes.Write(bytesOf(id).Span);
            _starts[id + 1] = checked((int)bytes.Length);
        }

        _bytes = bytes.ToArray();
    }

    public int Count => _texts.Length;

    public string Text(int id) => _texts[Checked(id)];

    public TokenKind Kind(int id) => _kinds[Checked(id)];

    public bool IsControl(int id) => Kind(id) is TokenKind.Control or TokenKind.Unknown;

    public ReadOnlySpan<byte> Bytes(int id)
    {
        Checked(id);
        return _bytes.AsSpan(_starts[id].._starts[id + 1]);
    }

    private int Checked(int id)
    {
        if ((uint)id >= (uint)_texts.Length)
            throw new ArgumentOutOfRangeException(nameof(id), id, $"token ids run from 0 to {_texts.Length - 1}");
        return id;
    }
}
