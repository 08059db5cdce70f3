using Fathom.Models.Tokenization;
using Fathom.Serving.Detokenization;
using Fathom.Serving.KvCache;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Engine;

/// <summary>Everything the engine keeps for a request between arrival and end.</summary>
/// <remarks>Made by the submitting thread, then the loop thread's.</remarks>
internal sealed class ActiveRequest
{
    private readonly int[] _excludedAtFirst;

    public ActiveRequest(Generation generation, GenerationMailbox mailbox, int maxNewTokens, ulong seed, Tokenizer tokenizer, IReadOnlyList<int> endTokens, PrefixHash root)
    {
        GenerationRequest request = generation.Request;
        Generation = generation;
        Mailbox = mailbox;
        ReadOnlySpan<int> prompt = request.Prompt.Span;
        Group = new SequenceGroup(generation.Id, prompt, maxNewTokens, request.BestOf ?? request.Choices, request.Priority, request.PromptLogprobs is not null, root);
        Choices = new ChoiceOutput[Group.Choices];
        for (int i = 0; i < Choices.Length; i++)
            Choices[i] = new ChoiceOutput(new DrawState(request.Sampling, seed, i, request.Prompt), new ChoiceText(tokenizer, request.StopStrings));
        _excludedAtFirst = request.MinNewTokens == 0 ? [] : [.. request.StopTokens, .. request.IgnoreEndOfGeneration ? [] : endTokens];
        if (request.Echo || request.PromptLogprobs is not null)
            Prompt = PromptWithoutLogprobs(prompt);
    }

    public Generation Generation { get; }

    public RequestId Id => Generation.Id;

    public GenerationRequest Request => Generation.Request;

    public SequenceGroup Group { get; }

    public GenerationMailbox Mailbox { get; }

    public ChoiceOutput[] Choices { get; }

    /// <summary>The prompt as it is shown to the client; null if it is not.</summary>
    public EmittedToken[]? Prompt { get; }

    /// <summary>Prompt tokens whose log probabilities are known.</summary>
    public int PromptDescribed { get; set; } = 1;

    /// <summary>Ends the watch over the submitter's cancellation token.</summary>
    public CancellationTokenRegistration CancellationWatch { get; set; }

    public long ArrivedAt { get; init; }

    /// <summary>When its first iteration began; null before.</summary>
    public long? StartedAt { get; set; }

    /// <summary>When its first token came; null before.</summary>
    public long? FirstTokenAt { get; set; }

    /// <summary>Tokens generated over all choices.</summary>
    public int CompletionTokens { get; set; }

    /// <summary>Choices that have ended.</summary>
    public int EndedChoices { get; private set; }

    /// <summary>Why the latest of them did.</summary>
    public FinishReason EndReason { get; private set; }

    public TokenUsage Usage => new(Group.PromptTokens, Group.CachedTokens, CompletionTokens);

    /// <summary>Log probabilities are to be found for the generated tokens.</summary>
    public bool NeedsLogprobs => Request.Sampling.Logprobs is not null || IsBestOf;

    /// <summary>More choices are generated than returned.</summary>
    public bool IsBestOf => Group.Choices > Request.Choices;

    /// <summary>Tokens that a choice must not draw next.</summary>
    public ReadOnlySpan<int> Excluded(ChoiceOutput output) => output.Draws.Generated < Request.MinNewTokens ? _excludedAtFirst : [];

    /// <summary>The choices to return, best mean log probability first.</summary>
    public int[] BestChoices()
    {
        int[] order = [.. Enumerable.Range(0, Choices.Length)];
        Array.Sort(order, (left, right) => (MeanLogprob(right), left).CompareTo((MeanLogprob(left), right)));
        return order[..Request.Choices];
    }

    /// <summary>Ends a choice, if it has not ended, and tells the client.</summary>
    public void EndChoice(int choice, FinishReason reason, string? stopMatch = null, string? error = null)
    {
        if (Choices[choice].HasEnded)
            return;
        Choices[choice].HasEnded = true;
        EndedChoices++;
        EndReason = reason;
        Mailbox.Finish(choice, reason, stopMatch, error, EndedChoices == Choices.Length ? Usage : null);
    }

    /// <summary>Ends every choice that has not ended.</summary>
    public void EndAllChoices(FinishReason reason, string? error = null)
    {
        for (int i = 0; i < Choices.Length; i++)
            EndChoice(i, reason, error: error);
    }

    /// <summary>Nothing is to come from the tiers any more.</summary>
    public void DropLoads()
    {
        foreach (Sequence sequence in Group.Sequences)
            sequence.DropLoad();
    }

    private static EmittedToken[] PromptWithoutLogprobs(ReadOnlySpan<int> prompt)
    {
        var tokens = new EmittedToken[prompt.Length];
        for (int i = 0; i < prompt.Length; i++)
            tokens[i] = new EmittedToken(prompt[i], float.NaN, []);
        return tokens;
    }

    private double MeanLogprob(int choice) => Choices[choice].Logprob / Math.Max(1, Choices[choice].Draws.Generated);
}
