using System.Diagnostics.CodeAnalysis;
using System.Threading.Tasks.Sources;

namespace Fathom.Serving.Requests;

/// <summary>Carries the updates of one request from the engine's loop to its reader, merging what is not read yet.</summary>
/// <remarks>
/// Owned by the request. The loop thread writes, one reader takes; <c>_gate</c> guards everything, and is held for copies only.
/// Its size is bounded by the tokens that the request may generate, which admission has bounded by the context.
/// </remarks>
internal sealed class GenerationMailbox : IValueTaskSource<bool>
{
    private readonly Lock _gate = new();
    private PendingChoice[] _choices;
    private ManualResetValueTaskSourceCore<bool> _signal = new() { RunContinuationsAsynchronously = true };
    private bool _waiting;
    private bool _held;
    private bool _news;
    private bool _abandoned;
    private int _untaken;
    private TokenUsage? _usage;

    /// <param name="choices">Choices that will finish.</param>
    /// <param name="held">Nothing is shown to the reader before <see cref="Release"/>.</param>
    public GenerationMailbox(int choices, bool held)
    {
        _choices = new PendingChoice[choices];
        for (int i = 0; i < choices; i++)
            _choices[i] = new PendingChoice();
        _untaken = choices;
        _held = held;
    }

    /// <summary>Appends text and tokens to a choice. Loop thread.</summary>
    /// <param name="choice">Index of the choice.</param>
    /// <param name="text">Text to append.</param>
    /// <param name="tokens">Tokens to append.</param>
    public void Append(int choice, ReadOnlySpan<char> text, ReadOnlySpan<EmittedToken> tokens)
    {
        lock (_gate)
        {
            PendingChoice pending = _choices[choice];
            pending.Text.Append(text);
            pending.Tokens.AddRange(tokens);
            pending.HasNews = true;
            Signal();
        }
    }

    /// <summary>Puts the prompt's tokens on the next update of a choice. Loop thread.</summary>
    /// <param name="choice">Index of the choice.</param>
    /// <param name="prompt">The prompt's tokens; not copied.</param>
    public void SetPrompt(int choice, IReadOnlyList<EmittedToken> prompt)
    {
        lock (_gate)
        {
            _choices[choice].Prompt = prompt;
            _choices[choice].HasNews = true;
            Signal();
        }
    }

    /// <summary>Ends a choice. Loop thread, once for each choice.</summary>
    /// <param name="choice">Index of the choice.</param>
    /// <param name="reason">Why it ended.</param>
    /// <param name="stopMatch">The stop that matched, if any.</param>
    /// <param name="error">What failed, if anything.</param>
    /// <param name="usage">Set with the last choice to end.</param>
    public void Finish(int choice, FinishReason reason, string? stopMatch, string? error, TokenUsage? usage)
    {
        lock (_gate)
        {
            PendingChoice pending = _choices[choice];
            pending.FinishReason = reason;
            pending.StopMatch = stopMatch;
            pending.Error = error;
            pending.HasNews = true;
            _usage ??= usage;
            Signal();
        }
    }

    /// <summary>Drops all but the given choices, and numbers those from 0 in this order. Only while everything is held and all have ended.</summary>
    public void KeepOnly(ReadOnlySpan<int> choices)
    {
        lock (_gate)
        {
            var kept = new PendingChoice[choices.Length];
            for (int i = 0; i < choices.Length; i++)
                kept[i] = _choices[choices[i]];
            _choices = kept;
            _untaken = kept.Length;
        }
    }

    /// <summary>Lets the reader see what was held back.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _held = false;
            if (_news)
                Signal();
        }
    }

    /// <summary>Takes the next update, if there is one. Reader.</summary>
    public bool TryTake([NotNullWhen(true)] out GenerationUpdate? update)
    {
        lock (_gate)
        {
            update = null;
            if (_held || !_news)
                return false;
            for (int i = 0; i < _choices.Length; i++)
            {
                PendingChoice pending = _choices[i];
                if (!pending.HasNews)
                    continue;
                if (pending.FinishReason is not null)
                    _untaken--;
                update = pending.Take(i, _untaken == 0 ? _usage : null);
                return true;
            }

            _news = false;
            return false;
        }
    }

    /// <summary>Waits for news. Reader; false when every choice's end was taken or the reader was abandoned.</summary>
    public ValueTask<bool> WaitAsync()
    {
        lock (_gate)
        {
            if (_untaken == 0 || _abandoned)
                return new ValueTask<bool>(false);
            if (_news && !_held)
                return new ValueTask<bool>(true);
            _signal.Reset();
            _waiting = true;
            return new ValueTask<bool>(this, _signal.Version);
        }
    }

    /// <summary>Wakes the reader for good: its cancellation token fired.</summary>
    public void AbandonReader()
    {
        lock (_gate)
        {
            _abandoned = true;
            if (_waiting)
            {
                _waiting = false;
                _signal.SetResult(false);
            }
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _signal.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _signal.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);

    private void Signal()
    {
        _news = true;
        if (_waiting && !_held)
        {
            _waiting = false;
            _signal.SetResult(true);
        }
    }
}
