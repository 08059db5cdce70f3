using System.Globalization;
using System.Text.Json;
using Fathom.Server.Http;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;

namespace Fathom.Server.OpenAi;

/// <summary>The fields that chat and text completions share, read and checked.</summary>
internal sealed record GenerationSettings
{
    // A stop string is compared with every piece of output, and a biased token is touched at every step: both are bounded.
    private const int StopStringCharsMax = 1024;
    private const int StopTokensMax = 1024;
    private const int LogitBiasesMax = 1024;

    /// <summary>Largest number of alternatives at each place, as for OpenAI's chat.</summary>
    public const int TopLogprobsMax = 20;

    public required SamplingParameters Sampling { get; init; }

    public int MinTokens { get; init; }

    public IReadOnlyList<string> StopStrings { get; init; } = [];

    public IReadOnlyList<int> StopTokens { get; init; } = [];

    public bool IgnoreEndOfGeneration { get; init; }

    public int Choices { get; init; } = 1;

    public bool Stream { get; init; }

    public bool IncludeUsage { get; init; }

    /// <exception cref="RequestRejectedException">A field has a wrong type or is out of range.</exception>
    public static GenerationSettings Read(JsonFields fields, int vocabularySize)
    {
        var stream = fields.Boolean("stream") ?? false;
        return new GenerationSettings
        {
            Sampling = ReadSampling(fields, vocabularySize),
            MinTokens = fields.Int32("min_tokens", 0, int.MaxValue) ?? 0,
            StopStrings = ReadStopStrings(fields),
            StopTokens = ReadStopTokens(fields, vocabularySize),
            IgnoreEndOfGeneration = fields.Boolean("ignore_eos") ?? false,
            Choices = fields.Int32("n", 1, GenerationRequest.ChoicesMax) ?? 1,
            Stream = stream,
            IncludeUsage = ReadIncludeUsage(fields, stream),
        };
    }

    /// <summary>The engine's request for one prompt. A token limit past the end of the context is cut to what fits, as llama.cpp's server does.</summary>
    /// <param name="model">The model that runs it.</param>
    /// <param name="prompt">Its token ids.</param>
    /// <param name="promptParam">Path of the prompt in the body.</param>
    /// <param name="maxTokens">Most tokens to generate; null for as many as fit.</param>
    /// <param name="logprobs">Alternatives at each place; null for no log probabilities.</param>
    /// <exception cref="RequestRejectedException">The prompt does not fit the context.</exception>
    public GenerationRequest ToRequest(ServedModel model, int[] prompt, string promptParam, int? maxTokens, int? logprobs)
    {
        var context = model.Engine.ContextLength;
        var room = context - prompt.Length;
        if (room < 1 && !(room == 0 && maxTokens == 0))
            throw new RequestRejectedException(ApiError.ContextLengthExceeded(promptParam, prompt.Length, context));
        return new GenerationRequest
        {
            Prompt = prompt,
            Sampling = Sampling with { Logprobs = logprobs },
            MaxNewTokens = maxTokens is { } asked ? Math.Min(asked, room) : null,
            MinNewTokens = MinTokens,
            StopStrings = StopStrings,
            StopTokens = StopTokens,
            IgnoreEndOfGeneration = IgnoreEndOfGeneration,
            Choices = Choices,
        };
    }

    private static SamplingParameters ReadSampling(JsonFields fields, int vocabularySize) => new()
    {
        Temperature = (float)(fields.Number("temperature", 0, 2) ?? 1),
        TopK = Math.Max(0, fields.Int32("top_k", -1, int.MaxValue) ?? 0),
        TopP = Mass(fields.Number("top_p", 0, 1)),
        MinP = (float)(fields.Number("min_p", 0, 1) ?? 0),
        TypicalP = Mass(fields.Number("typical_p", 0, 1)),
        RepetitionPenalty = (float)(fields.Number("repetition_penalty", 0.01, 100) ?? 1),
        PresencePenalty = (float)(fields.Number("presence_penalty", -2, 2) ?? 0),
        FrequencyPenalty = (float)(fields.Number("frequency_penalty", -2, 2) ?? 0),
        LogitBias = ReadLogitBias(fields, vocabularySize),
        Seed = fields.Int64("seed") is { } seed ? unchecked((ulong)seed) : null,
    };

    /// <summary>OpenAI allows a mass of 0, which keeps the likeliest token alone; the sampler's masses are above 0.</summary>
    private static float Mass(double? value) => value is { } mass ? Math.Max((float)mass, float.Epsilon) : 1;

    private static Dictionary<int, float>? ReadLogitBias(JsonFields fields, int vocabularySize)
    {
        const string name = "logit_bias";
        if (!fields.TryGet(name, out var value))
            return null;
        if (value.ValueKind != JsonValueKind.Object)
            throw JsonFields.WrongType(name, "an object of token ids and biases", value);

        var biases = new Dictionary<int, float>();
        foreach (var property in value.EnumerateObject())
        {
            var path = $"{name}.{ApiError.Excerpt(property.Name)}";
            if (!int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var token) || token >= vocabularySize)
            {
                throw RequestRejectedException.Parameter(name, string.Create(CultureInfo.InvariantCulture,
                    $"'{path}' is not a token id: it must be an integer between 0 and {vocabularySize - 1}."));
            }

            biases[token] = (float)JsonFields.AsNumber(property.Value, path, -100, 100);
            if (biases.Count > LogitBiasesMax)
                throw TooMany(name, LogitBiasesMax);
        }

        return biases.Count == 0 ? null : biases;
    }

    private static List<string> ReadStopStrings(JsonFields fields)
    {
        const string name = "stop";
        if (!fields.TryGet(name, out var value))
            return [];
        if (value.ValueKind == JsonValueKind.String)
            return [StopString(value, name)];
        if (value.ValueKind != JsonValueKind.Array)
            throw JsonFields.WrongType(name, "a string or an array of strings", value);
        if (value.GetArrayLength() > GenerationRequest.StopStringsMax)
            throw TooMany(name, GenerationRequest.StopStringsMax);

        var strings = new List<string>(value.GetArrayLength());
        foreach (var element in value.EnumerateArray())
            strings.Add(StopString(element, $"{name}[{strings.Count}]"));
        return strings;
    }

    private static string StopString(JsonElement value, string path)
    {
        var text = JsonFields.AsText(value, path);
        return text.Length is > 0 and <= StopStringCharsMax
            ? text
            : throw RequestRejectedException.Parameter(path, string.Create(CultureInfo.InvariantCulture,
                $"'{path}' must have between 1 and {StopStringCharsMax} characters, but has {text.Length}."));
    }

    private static int[] ReadStopTokens(JsonFields fields, int vocabularySize)
    {
        const string name = "stop_token_ids";
        return fields.TryGet(name, out var value) ? TokenIds.Read(value, name, vocabularySize, StopTokensMax) : [];
    }

    private static bool ReadIncludeUsage(JsonFields fields, bool stream)
    {
        const string name = "stream_options";
        if (!fields.TryGet(name, out var value))
            return false;
        var options = new JsonFields(value, name);
        return stream
            ? options.Boolean("include_usage") ?? false
            : throw RequestRejectedException.Parameter(name, $"'{name}' is only allowed when 'stream' is true.");
    }

    private static RequestRejectedException TooMany(string name, int max) =>
        RequestRejectedException.Parameter(name, string.Create(CultureInfo.InvariantCulture, $"'{name}' can have at most {max} entries."));
}
