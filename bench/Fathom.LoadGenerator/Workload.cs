namespace Fathom.LoadGenerator;

/// <summary>One request of the plan.</summary>
/// <param name="Index">Place in the order of arrival, from 0.</param>
/// <param name="Arrival">When it is due, from the start of the run; zero in a closed loop.</param>
/// <param name="InputTokens">Length of the prompt.</param>
/// <param name="OutputTokens">Tokens to generate.</param>
internal readonly record struct PlannedRequest(int Index, TimeSpan Arrival, int InputTokens, int OutputTokens);

/// <summary>The whole load before it runs: a function of the options alone, so that two servers can be given the same.</summary>
internal sealed class Workload(LoadOptions options)
{
    // Streams of random numbers: prompts must not change when a length does, nor arrivals when a prompt does.
    private const ulong LengthStream = 1;
    private const ulong ArrivalStream = 2;
    private const ulong PrefixStream = 3;
    private const ulong PromptStream = 1UL << 32;

    private readonly int[] _prefix = Tokens(
        SeededRandom.ForStream(options.Seed, PrefixStream), options.PromptTokenIds, options.SharedPrefixTokens);

    public IEnumerable<PlannedRequest> Requests()
    {
        var lengths = SeededRandom.ForStream(options.Seed, LengthStream);
        var gaps = SeededRandom.ForStream(options.Seed, ArrivalStream);
        var arrivalSeconds = 0.0;
        for (var i = 0; i < options.Requests; i++)
        {
            var input = lengths.NextWithin(options.InputTokens);
            var output = lengths.NextWithin(options.OutputTokens);
            yield return new PlannedRequest(i, TimeSpan.FromSeconds(arrivalSeconds), input, output);
            if (options.RatePerSecond is { } rate)
                arrivalSeconds += gaps.NextExponential() / rate;
        }
    }

    /// <summary>The token ids of a request's prompt: the shared prefix, then its own.</summary>
    public int[] PromptOf(PlannedRequest request)
    {
        // At least one token is the request's own, so that no two prompts are one and the same to a prefix cache.
        var shared = Math.Min(_prefix.Length, request.InputTokens - 1);
        var random = SeededRandom.ForStream(options.Seed, PromptStream + (ulong)request.Index);
        return [.. _prefix.AsSpan(0, shared), .. Tokens(random, options.PromptTokenIds, request.InputTokens - shared)];
    }

    private static int[] Tokens(SeededRandom random, TokenRange ids, int count)
    {
        var tokens = new int[count];
        for (var i = 0; i < count; i++)
            tokens[i] = random.NextWithin(ids);
        return tokens;
    }
}
