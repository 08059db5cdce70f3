using System.Runtime.InteropServices;
using Fathom.Models.Tokenization;
using Fathom.Serving.Requests;

namespace Fathom.Serving.Detokenization;

/// <summary>
/// Turns a choice's tokens into text as they come, looks for stop strings across token boundaries, and holds back exactly what may
/// still become one: the text, and the tokens that it came from.
/// </summary>
/// <remarks>Owned by one sequence; one thread. Holds less text than the longest stop string.</remarks>
internal sealed class ChoiceText
{
    private readonly TokenStreamDecoder _decoder;
    private readonly IReadOnlyList<string> _stops;
    private readonly List<EmittedToken> _tokens = [];
    private readonly List<int> _tokenEnds = [];
    private char[] _held = new char[64];
    private int _heldChars;
    private int _readyChars;
    private int _readyTokens;

    public ChoiceText(Tokenizer tokenizer, IReadOnlyList<string> stops)
    {
        _decoder = new TokenStreamDecoder(tokenizer, skipSpecial: true);
        _stops = stops;
    }

    /// <summary>Text that may be emitted now. Valid until the next call.</summary>
    public ReadOnlySpan<char> Text => _held.AsSpan(0, _readyChars);

    /// <summary>Tokens whose text may be emitted now. Valid until the next call.</summary>
    public ReadOnlySpan<EmittedToken> Tokens => CollectionsMarshal.AsSpan(_tokens)[.._readyTokens];

    /// <summary>Takes the next token.</summary>
    /// <param name="token">The token, with what is to be emitted beside it.</param>
    /// <param name="looksForStops">False while stop strings do not count yet; nothing is held back then.</param>
    /// <returns>The stop string that is now complete; the text before it is ready, and nothing may follow. Null if there is none.</returns>
    public string? Append(EmittedToken token, bool looksForStops)
    {
        DropReady();
        AppendText(_decoder.Take(token.Token));
        _tokens.Add(token);
        // A token that ends inside a character belongs to that character.
        _tokenEnds.Add(_heldChars + (_decoder.HasPending ? 1 : 0));
        return Scan(looksForStops, isLast: false);
    }

    /// <summary>No token follows: what was held back becomes ready, except for a stop string.</summary>
    /// <returns>The stop string in the rest, if there is one.</returns>
    public string? Finish(bool looksForStops)
    {
        DropReady();
        AppendText(_decoder.TakeRest());
        return Scan(looksForStops, isLast: true);
    }

    private string? Scan(bool looksForStops, bool isLast)
    {
        ReadOnlySpan<char> held = _held.AsSpan(0, _heldChars);
        if (looksForStops && FindStop(held, out int start) is { } stop)
        {
            MakeReady(start);
            return stop;
        }

        MakeReady(looksForStops && !isLast ? _heldChars - PossibleStopChars(held) : _heldChars);
        if (isLast)
            _readyTokens = _tokens.Count;
        return null;
    }

    /// <summary>The stop string that begins first.</summary>
    private string? FindStop(ReadOnlySpan<char> text, out int start)
    {
        string? found = null;
        start = text.Length;
        for (int i = 0; i < _stops.Count; i++)
        {
            int at = text.IndexOf(_stops[i], StringComparison.Ordinal);
            if (at >= 0 && at < start)
                (found, start) = (_stops[i], at);
        }

        return found;
    }

    /// <summary>Length of the longest end of the text that some stop string begins with.</summary>
    private int PossibleStopChars(ReadOnlySpan<char> text)
    {
        int longest = 0;
        for (int i = 0; i < _stops.Count; i++)
        {
            ReadOnlySpan<char> stop = _stops[i];
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text[^length..].SequenceEqual(stop[..length]))
                    longest = length;
            }
        }

        return longest;
    }

    private void MakeReady(int chars)
    {
        _readyChars = chars;
        _readyTokens = 0;
        while (_readyTokens < _tokens.Count && _tokenEnds[_readyTokens] <= chars)
            _readyTokens++;
    }

    private void AppendText(ReadOnlySpan<char> text)
    {
        if (_heldChars + text.Length > _held.Length)
            Array.Resize(ref _held, Math.Max(_held.Length * 2, _heldChars + text.Length));
        text.CopyTo(_held.AsSpan(_heldChars));
        _heldChars += text.Length;
    }

    private void DropReady()
    {
        _held.AsSpan(_readyChars, _heldChars - _readyChars).CopyTo(_held);
        _heldChars -= _readyChars;
        _tokens.RemoveRange(0, _readyTokens);
        _tokenEnds.RemoveRange(0, _readyTokens);
        for (int i = 0; i < _tokenEnds.Count; i++)
            _tokenEnds[i] -= _readyChars;
        _readyChars = 0;
        _readyTokens = 0;
    }
}
