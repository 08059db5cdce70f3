using Fathom.Serving.KvCache;
using Fathom.Serving.Requests;

namespace Fathom.Serving.Scheduling;

/// <summary>The sequences of one request, one for each choice. Until the prompt is computed there is only the first.</summary>
/// <remarks>Owned by the scheduler; one thread.</remarks>
internal sealed class SequenceGroup
{
    private readonly Sequence[] _sequences;
    private int _count = 1;

    /// <param name="id">The request.</param>
    /// <param name="prompt">Its prompt; at least one token.</param>
    /// <param name="maxNewTokens">Most tokens that a choice generates.</param>
    /// <param name="choices">Choices to generate; at least 1.</param>
    /// <param name="priority">Lower runs earlier.</param>
    /// <param name="wantsPromptLogits">Logits of every prompt token are needed, so none may come from the prefix cache.</param>
    /// <param name="root">Where the names of its blocks begin.</param>
    public SequenceGroup(
        RequestId id, ReadOnlySpan<int> prompt, int maxNewTokens, int choices = 1, int priority = 0, bool wantsPromptLogits = false, PrefixHash root = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(prompt.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(maxNewTokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(choices, 1);
        Id = id;
        PromptTokens = prompt.Length;
        MaxNewTokens = maxNewTokens;
        Choices = choices;
        Priority = priority;
        WantsPromptLogits = wantsPromptLogits;
        Root = root;
        Live = choices;
        _sequences = new Sequence[choices];
        _sequences[0] = new Sequence(this, 0, prompt);
    }

    public RequestId Id { get; }

    public int PromptTokens { get; }

    public int MaxNewTokens { get; }

    /// <summary>Algorithm 1's max_tokens: the slots that one choice may come to need.</summary>
    public int MaxTokens => PromptTokens + MaxNewTokens;

    public int Choices { get; }

    public int Priority { get; }

    public bool WantsPromptLogits { get; }

    /// <summary>Parent of the names of its first blocks.</summary>
    public PrefixHash Root { get; }

    /// <summary>The sequences that exist, by choice.</summary>
    public ReadOnlySpan<Sequence> Sequences => _sequences.AsSpan(0, _count);

    /// <summary>The choices have their own sequences.</summary>
    public bool IsForked => _count == Choices;

    /// <summary>Choices that have not ended.</summary>
    public int Live { get; set; }

    /// <summary>It has run an iteration.</summary>
    public bool HasStarted { get; set; }

    /// <summary>It was cancelled while one of its sequences was in flight.</summary>
    public bool IsCancelled { get; set; }

    /// <summary>Prompt tokens that came from the prefix cache when it first started.</summary>
    public int CachedTokens { get; set; }

    /// <summary>Slots that Algorithm 1 reserved for it.</summary>
    public long ReservedSlots { get; set; }

    /// <summary>Gives the next choice its own sequence, a copy of the first one's prompt.</summary>
    public Sequence AddChoice()
    {
        var sequence = new Sequence(this, _count, _sequences[0].Tokens[..PromptTokens]);
        _sequences[_count++] = sequence;
        return sequence;
    }
}
