namespace Fathom.Models.Tokenization.WordModels;

/// <summary>WordPiece: the longest token that a word begins with, then the longest that the rest does; all or the unknown token.</summary>
/// <remarks>Immutable.</remarks>
internal sealed class WordPieceModel(Dictionary<string, int> ids, int unknown, string continuingPrefix, int wordLettersMax) : IWordModel
{
    private readonly PrefixIndex _starts = new(ids.Where(e => e.Key.Length > 0));
    private readonly PrefixIndex _continuations = new(ids
        .Where(e => e.Key.Length > continuingPrefix.Length && e.Key.StartsWith(continuingPrefix, StringComparison.Ordinal))
        .Select(e => KeyValuePair.Create(e.Key[continuingPrefix.Length..], e.Value)));

    /// <inheritdoc/>
    public bool SplitsAtMetaspace => false;

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output)
    {
        var before = output.Count;
        var letters = 0;
        foreach (var _ in word.EnumerateRunes())
            letters++;
        var fits = letters <= wordLettersMax;
        for (var at = 0; fits && at < word.Length;)
        {
            fits = (at == 0 ? _starts : _continuations).TryLongest(word, at, out var id, out var length);
            output.Add(id);
            at += length;
        }

        if (fits)
            return;
        output.RemoveRange(before, output.Count - before);
        output.Add(unknown);
    }
}

/// <summary>A word is a token or unknown.</summary>
internal sealed class WordLevelModel(Dictionary<string, int> ids, int? unknown) : IWordModel
{
    /// <inheritdoc/>
    public bool SplitsAtMetaspace => false;

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output)
    {
        if (ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out var id))
            output.Add(id);
        else if (unknown is { } missing)
            output.Add(missing);
    }
}
