namespace Fathom.Cli.Commands.Bench.Tiers;

/// <summary>
/// Users who talk in turns: each turn's prompt is the whole conversation so far and some new tokens, then the user thinks. At most
/// <c>Active</c> of them wait for an answer at a time; who would be one more thinks a little longer.
/// </summary>
internal sealed record ConversationWorkload(
    int Users, int Turns, int Active, int OpeningTokens, int UserTokens, int OutputTokens, double ThinkSeconds, int Vocabulary, int Seed)
{
    /// <summary>Tokens of a conversation at its end.</summary>
    public int ConversationTokens => OpeningTokens + (Turns * (UserTokens + OutputTokens));

    /// <summary>Tokens of all conversations at their ends.</summary>
    public long TotalTokens => (long)Users * ConversationTokens;

    /// <summary>What a user says in a turn; the first turn begins with the opening.</summary>
    public int[] Say(int user, int turn)
    {
        var random = new Random(HashCode.Combine(Seed, user, turn) & int.MaxValue);
        return Tokens(random, turn == 0 ? OpeningTokens + UserTokens : UserTokens);
    }

    /// <summary>A prompt that no user ever said.</summary>
    public int[] Unheard(int index, int tokens) => Tokens(new Random(HashCode.Combine(Seed, -1, index) & int.MaxValue), tokens);

    /// <summary>How long a user thinks before a turn: exponential, the same in every run.</summary>
    public TimeSpan Think(int user, int turn)
    {
        var random = new Random(HashCode.Combine(Seed, user, turn, "think".Length) & int.MaxValue);
        return TimeSpan.FromSeconds(-Math.Log(1 - random.NextDouble()) * ThinkSeconds);
    }

    private int[] Tokens(Random random, int count)
    {
        var tokens = new int[count];
        for (var i = 0; i < count; i++)
            tokens[i] = random.Next(Math.Min(100, Vocabulary / 2), Vocabulary);
        return tokens;
    }
}
