namespace Fathom.Serving.Benchmarks;

/// <summary>One request of a workload.</summary>
/// <param name="ArrivalAtUnitRate">When it arrives if one request a second does, in seconds; at rate r it arrives r times sooner.</param>
/// <param name="Prompt">Its tokens.</param>
/// <param name="NewTokens">Tokens to generate, exactly.</param>
public sealed record WorkloadRequest(double ArrivalAtUnitRate, int[] Prompt, int NewTokens);

/// <summary>The workload that Orca is judged by: uniform lengths, no end token, Poisson arrivals.</summary>
/// <remarks>One seed gives the same requests and the same pattern of arrivals at every rate, so that rates and policies compare alike. Source: Yu et al. 2022, section 6.2.</remarks>
public sealed record SchedulingWorkload
{
    /// <summary>Number of requests.</summary>
    public int Requests { get; init; } = 64;

    /// <summary>Seed of lengths, tokens and arrivals.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Fewest prompt tokens.</summary>
    public int InputTokensMin { get; init; } = 32;

    /// <summary>Most prompt tokens.</summary>
    public int InputTokensMax { get; init; } = 512;

    /// <summary>Fewest generated tokens.</summary>
    public int OutputTokensMin { get; init; } = 1;

    /// <summary>Most generated tokens.</summary>
    public int OutputTokensMax { get; init; } = 128;

    /// <summary>Draws the requests.</summary>
    /// <param name="vocabularySize">Prompt tokens are uniform below this.</param>
    public IReadOnlyList<WorkloadRequest> Draw(int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Requests, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(InputTokensMin, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(InputTokensMax, InputTokensMin);
        ArgumentOutOfRangeException.ThrowIfLessThan(OutputTokensMin, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(OutputTokensMax, OutputTokensMin);
        var random = new Random(Seed);
        var requests = new WorkloadRequest[Requests];
        double arrival = 0;
        for (int i = 0; i < requests.Length; i++)
        {
            arrival -= Math.Log(1 - random.NextDouble());
            var prompt = new int[random.Next(InputTokensMin, InputTokensMax + 1)];
            int newTokens = random.Next(OutputTokensMin, OutputTokensMax + 1);
            for (int j = 0; j < prompt.Length; j++)
                prompt[j] = random.Next(vocabularySize);
            requests[i] = new WorkloadRequest(arrival, prompt, newTokens);
        }

        return requests;
    }
}
