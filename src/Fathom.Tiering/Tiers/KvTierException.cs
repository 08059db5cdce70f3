namespace Fathom.Tiering.Tiers;

/// <summary>A tier could not be opened: its place does not exist, is in use, or holds something else.</summary>
public sealed class KvTierException : Exception
{
    /// <summary>Names the tier and says what is wrong.</summary>
    /// <param name="tier">The tier's name.</param>
    /// <param name="message">One line: what is wrong, and with what.</param>
    /// <param name="inner">The cause, when there is one.</param>
    public KvTierException(string tier, string message, Exception? inner = null)
        : base(message, inner) => Tier = tier;

    /// <summary>Name of the tier.</summary>
    public string Tier { get; }
}
