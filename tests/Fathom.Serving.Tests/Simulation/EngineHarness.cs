using System.Text;
using Fathom.Models.Tokenization;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>An engine over a model, and what a client does with it.</summary>
internal sealed class EngineHarness : IAsyncDisposable
{
    private readonly TestMeterFactory _meters = new();

    public EngineHarness(IModelExecutor model, ServingOptions? options = null, Tokenizer? tokenizer = null)
    {
        Engine = new ServingEngine(
            model, tokenizer ?? new ByteTokenizer(model.VocabularySize), options ?? new ServingOptions(),
            new ServingMetrics(_meters, "simulated"), NullLogger<ServingEngine>.Instance);
    }

    public ServingEngine Engine { get; }

    public static GenerationRequest Request(int[] prompt, int maxNewTokens, ulong? seed = null) => new()
    {
        Prompt = prompt,
        MaxNewTokens = maxNewTokens,
        IgnoreEndOfGeneration = true,
        Sampling = seed is null ? SamplingParameters.Greedy : new SamplingParameters { Seed = seed, Temperature = 0.8f, TopP = 0.95f },
    };

    public static int[] Prompt(int seed, int length, int vocabularySize = 256)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabularySize))];
    }

    public Generation Accept(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        Submission submission = Engine.Submit(request, cancellationToken);
        Assert.True(submission.IsAccepted, submission.Refusal?.Message);
        return submission.Generation;
    }

    public Task<ChoiceResult[]> RunAsync(GenerationRequest request) => ReadAsync(Accept(request));

    public static async Task<ChoiceResult[]> ReadAsync(Generation generation)
    {
        var choices = new SortedDictionary<int, ChoiceResult>();
        TokenUsage? usage = null;
        await foreach (GenerationUpdate update in generation.ReadAllAsync())
        {
            Assert.Null(usage);
            if (!choices.TryGetValue(update.Choice, out ChoiceResult? choice))
                choices[update.Choice] = choice = new ChoiceResult();
            Assert.Null(choice.Reason);
            choice.Text.Append(update.Text);
            choice.Emitted.AddRange(update.Tokens);
            choice.Prompt ??= update.Prompt;
            choice.Reason = update.FinishReason;
            choice.StopMatch = update.StopMatch;
            choice.Error = update.Error;
            usage = update.Usage;
        }

        Assert.NotNull(usage);
        foreach (ChoiceResult choice in choices.Values)
        {
            Assert.NotNull(choice.Reason);
            choice.Usage = usage.Value;
        }

        return [.. choices.Values];
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        _meters.Dispose();
    }
}

/// <summary>Everything a client received for one choice.</summary>
internal sealed class ChoiceResult
{
    public StringBuilder Text { get; } = new();

    public List<EmittedToken> Emitted { get; } = [];

    public int[] Tokens => [.. Emitted.Select(token => token.Token)];

    public IReadOnlyList<EmittedToken>? Prompt { get; set; }

    public FinishReason? Reason { get; set; }

    public string? StopMatch { get; set; }

    public string? Error { get; set; }

    public TokenUsage Usage { get; set; }
}
