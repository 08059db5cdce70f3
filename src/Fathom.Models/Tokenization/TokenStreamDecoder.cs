using System.Buffers;
using System.Text;

namespace Fathom.Models.Tokenization;

/// <summary>Turns tokens into text as they come, and never gives half a character: bytes of an unfinished one wait for the next token.</summary>
/// <remarks>One for each generated sequence; not for several threads at once. Holds at most three bytes back.</remarks>
public sealed class TokenStreamDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecial;
    private byte[] _pending = new byte[64];
    private char[] _text = new char[64];
    private int _pendingBytes;
    private bool _atStart;

    /// <summary>A decoder for a new sequence.</summary>
    /// <param name="tokenizer">Whose tokens come.</param>
    /// <param name="skipSpecial">Leave control tokens out; otherwise they are spelled.</param>
    /// <param name="atStartOfText">True when the first token begins a text, so that the space which the tokenizer added there is
    /// taken away again; false when the tokens continue a prompt.</param>
    public TokenStreamDecoder(Tokenizer tokenizer, bool skipSpecial, bool atStartOfText = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _skipSpecial = skipSpecial;
        _atStart = atStartOfText;
    }

    /// <summary>Whether bytes of an unfinished character wait.</summary>
    public bool HasPending => _pendingBytes > 0;

    /// <summary>Takes one token and gives the text that is complete now, often empty.</summary>
    /// <param name="token">Token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string Append(int token) => Take(token).ToString();

    /// <summary>The rest at the end of the sequence: U+FFFD when an unfinished character waits, else empty.</summary>
    public string Finish() => TakeRest().ToString();

    /// <summary><see cref="Append"/> without a string: the text is valid until the next call. Allocates nothing once it has grown.</summary>
    /// <param name="token">Token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public ReadOnlySpan<char> Take(int token)
    {
        if (_skipSpecial && _tokenizer.IsControl(token))
            return [];
        var bytes = _tokenizer.SpelledBytes(token, _atStart);
        _atStart = false;
        if (_pendingBytes + bytes.Length > _pending.Length)
            Array.Resize(ref _pending, Math.Max(_pending.Length * 2, _pendingBytes + bytes.Length));
        bytes.CopyTo(_pending.AsSpan(_pendingBytes));
        var total = _pendingBytes + bytes.Length;
        var complete = total - IncompleteTail(_pending.AsSpan(0, total));
        var text = Decode(_pending.AsSpan(0, complete));
        _pending.AsSpan(complete, total - complete).CopyTo(_pending);
        _pendingBytes = total - complete;
        return text;
    }

    /// <summary><see cref="Finish"/> without a string: the text is valid until the next call.</summary>
    public ReadOnlySpan<char> TakeRest()
    {
        var text = Decode(_pending.AsSpan(0, _pendingBytes));
        _pendingBytes = 0;
        return text;
    }

    private ReadOnlySpan<char> Decode(ReadOnlySpan<byte> bytes)
    {
        // A byte gives one character at most.
        if (_text.Length < bytes.Length)
            _text = new char[Math.Max(2 * _text.Length, bytes.Length)];
        return _text.AsSpan(0, Encoding.UTF8.GetChars(bytes, _text));
    }

    /// <summary>Bytes at the end that may still become a character: the longest proper prefix of a well-formed sequence.</summary>
    private static int IncompleteTail(ReadOnlySpan<byte> bytes)
    {
        for (var length = Math.Min(3, bytes.Length); length > 0; length--)
        {
            var tail = bytes[^length..];
            // NeedMoreData: the whole tail is a proper prefix of some well-formed sequence (Unicode's maximal subpart).
            if (Rune.DecodeFromUtf8(tail, out _, out var consumed) == OperationStatus.NeedMoreData && consumed == length)
                return length;
        }

        return 0;
    }
}
