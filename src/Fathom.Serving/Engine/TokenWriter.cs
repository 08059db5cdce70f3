using Fathom.Models.Tokenization;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Serving.Scheduling;
using Microsoft.Extensions.Logging;

namespace Fathom.Serving.Engine;

/// <summary>Turns rows of logits into tokens, text and ends, and puts them into the requests' mailboxes.</summary>
/// <remarks>Loop thread.</remarks>
internal sealed class TokenWriter
{
    private readonly Tokenizer _tokenizer;
    private readonly Sampler _sampler;
    private readonly int _vocabulary;
    private readonly float[] _sharedRow;
    private readonly LogprobCollector _logprobs;
    private readonly ServingMetrics _metrics;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;

    /// <param name="tokenizer">Whose tokens they are.</param>
    /// <param name="vocabulary">Tokens that both model and tokenizer know; rows may be longer.</param>
    /// <param name="metrics">Instruments.</param>
    /// <param name="logger">The engine's log.</param>
    /// <param name="time">The engine's clock.</param>
    public TokenWriter(Tokenizer tokenizer, int vocabulary, ServingMetrics metrics, ILogger logger, TimeProvider time)
    {
        _tokenizer = tokenizer;
        _vocabulary = vocabulary;
        _sampler = new Sampler(vocabulary);
        _sharedRow = new float[vocabulary];
        _logprobs = new LogprobCollector(vocabulary);
        _metrics = metrics;
        _logger = logger;
        _time = time;
    }

    /// <summary>Notes the log probabilities of a piece of a prompt.</summary>
    /// <param name="request">The request, which shows its prompt.</param>
    /// <param name="piece">The piece; every token of it has a row.</param>
    /// <param name="entry">Its index in the plan.</param>
    /// <param name="runner">Where the rows are.</param>
    public void DescribePrompt(ActiveRequest request, in PlannedSequence piece, int entry, IterationRunner runner)
    {
        EmittedToken[] prompt = request.Prompt!;
        for (int i = 0; i < piece.TokenCount; i++)
        {
            // The row at a position is the distribution of the token behind it.
            int described = piece.FirstPosition + i + 1;
            if (described != request.PromptDescribed || described >= prompt.Length)
                continue;
            _logprobs.Keep(runner.Row(entry, i)[.._vocabulary]);
            prompt[described] = _logprobs.Describe(prompt[described].Token, request.Request.PromptLogprobs!.Value);
            request.PromptDescribed++;
        }
    }

    /// <summary>Draws a token and writes what comes of it.</summary>
    /// <param name="draw">Where; token and end are filled in.</param>
    /// <param name="request">Whose.</param>
    /// <param name="row">The distribution; overwritten unless shared.</param>
    /// <param name="isShared">Another draw needs the row too.</param>
    /// <param name="now">Time of the iteration's end.</param>
    /// <returns>Tokens generated: 1, or 0 if the choice ended without one.</returns>
    public int Write(ref TokenDraw draw, ActiveRequest request, Span<float> row, bool isShared, long now)
    {
        int choice = draw.Sequence.Choice;
        ChoiceOutput output = request.Choices[choice];
        if (!output.HasBegun)
            Begin(request, choice, now);
        if (request.Group.MaxNewTokens == 0)
        {
            request.EndChoice(choice, FinishReason.Length);
            draw.Ends = true;
            return 0;
        }

        row = row[.._vocabulary];
        if (request.NeedsLogprobs)
            _logprobs.Keep(row);
        if (isShared)
        {
            row.CopyTo(_sharedRow);
            row = _sharedRow;
        }

        int token = _sampler.Draw(row, output.Draws, request.Excluded(output));
        if (token == Sampler.NoToken)
        {
            _logger.NoDistribution(request.Id.Value);
            request.EndChoice(choice, FinishReason.Error, error: "the model gave no distribution to draw from: its logits are not numbers, or every token is excluded");
            draw.Ends = true;
            return 0;
        }

        RecordTimes(output, now);
        draw.Token = token;
        draw.Ends = Emit(request, choice, token);
        return 1;
    }

    private void Begin(ActiveRequest request, int choice, long now)
    {
        request.Choices[choice].HasBegun = true;
        if (request.FirstTokenAt is null)
        {
            request.FirstTokenAt = now;
            _metrics.RecordFirstToken(Seconds(request.ArrivedAt, now), Seconds(request.StartedAt!.Value, now));
        }

        if (request.Prompt is null)
            return;
        request.Mailbox.SetPrompt(choice, request.Prompt);
        if (request.Request.Echo)
            request.Mailbox.Append(choice, _tokenizer.Decode(request.Request.Prompt.Span, skipSpecial: true), []);
    }

    /// <summary>Adds the token to the choice's output; true if the choice ends with it.</summary>
    private bool Emit(ActiveRequest request, int choice, int token)
    {
        GenerationRequest asked = request.Request;
        ChoiceOutput output = request.Choices[choice];
        bool looksForStops = output.Draws.Generated >= asked.MinNewTokens;
        EmittedToken emitted = request.NeedsLogprobs
            ? _logprobs.Describe(token, asked.Sampling.Logprobs ?? 0)
            : new EmittedToken(token, float.NaN, []);
        output.Draws.Add(token);
        request.CompletionTokens++;
        if (request.IsBestOf)
            output.Logprob += emitted.Logprob;

        if (IsStopToken(asked, token))
            return End(request, choice, FinishReason.Stop, _tokenizer.TokenText(token), looksForStops);
        if (!asked.IgnoreEndOfGeneration && _tokenizer.IsEndOfGeneration(token))
            return End(request, choice, FinishReason.Stop, null, looksForStops);

        string? stop = output.Text.Append(emitted, looksForStops);
        Send(request, choice);
        if (stop is not null)
        {
            request.EndChoice(choice, FinishReason.Stop, stop);
            return true;
        }

        return output.Draws.Generated == request.Group.MaxNewTokens && End(request, choice, FinishReason.Length, null, looksForStops);
    }

    private static bool IsStopToken(GenerationRequest asked, int token)
    {
        for (int i = 0; i < asked.StopTokens.Count; i++)
        {
            if (asked.StopTokens[i] == token)
                return true;
        }

        return false;
    }

    /// <summary>Sends what was held back and ends the choice.</summary>
    private static bool End(ActiveRequest request, int choice, FinishReason reason, string? match, bool looksForStops)
    {
        string? stop = request.Choices[choice].Text.Finish(looksForStops);
        Send(request, choice);
        request.EndChoice(choice, stop is null ? reason : FinishReason.Stop, stop ?? match);
        return true;
    }

    private static void Send(ActiveRequest request, int choice)
    {
        ChoiceOutput output = request.Choices[choice];
        if (!output.Text.Text.IsEmpty || !output.Text.Tokens.IsEmpty)
            request.Mailbox.Append(choice, output.Text.Text, output.Text.Tokens);
    }

    private void RecordTimes(ChoiceOutput output, long now)
    {
        if (output.Draws.Generated > 0)
            _metrics.RecordInterToken(Seconds(output.LastTokenAt, now));
        output.LastTokenAt = now;
    }

    private double Seconds(long from, long to) => _time.GetElapsedTime(from, to).TotalSeconds;
}
