using System.Runtime.CompilerServices;

namespace Fathom.Serving.Requests;

/// <summary>An accepted request: the client's side of it.</summary>
/// <remarks>
/// Any thread may call it; one reader at a time. The engine writes into a mailbox that merges what the reader has not taken yet,
/// so a slow reader neither blocks the engine's loop nor grows past the request's own token limit.
/// </remarks>
public sealed class Generation
{
    private readonly GenerationMailbox _mailbox;
    private readonly Action<RequestId> _cancel;
    private int _readers;
    private int _cancelled;

    internal Generation(RequestId id, GenerationRequest request, GenerationMailbox mailbox, Action<RequestId> cancel)
    {
        Id = id;
        Request = request;
        _mailbox = mailbox;
        _cancel = cancel;
    }

    /// <summary>The request's id in its engine.</summary>
    public RequestId Id { get; }

    /// <summary>What was asked.</summary>
    public GenerationRequest Request { get; }

    /// <summary>It was cancelled, or its reader has left.</summary>
    internal bool IsCancelRequested => Volatile.Read(ref _cancelled) != 0;

    /// <summary>Asks the engine to stop: it frees the request's blocks within one iteration, and every unfinished choice ends as cancelled.</summary>
    public void Cancel()
    {
        if (Interlocked.Exchange(ref _cancelled, 1) == 0)
            _cancel(Id);
    }

    /// <summary>All updates, in order for each choice, until every choice has finished.</summary>
    /// <param name="cancellationToken">Stops the reading and cancels the request.</param>
    /// <remarks>Leaving the loop early cancels the request. May be called once.</remarks>
    /// <exception cref="InvalidOperationException">It was called before.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<GenerationUpdate> ReadAllAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _readers, 1) != 0)
            throw new InvalidOperationException($"the updates of request {Id.Value} were already read; there is one reader");
        return Read(cancellationToken);
    }

    private async IAsyncEnumerable<GenerationUpdate> Read([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool whole = false;
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static state => ((GenerationMailbox)state!).AbandonReader(), _mailbox);
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_mailbox.TryTake(out GenerationUpdate? update))
                    yield return update;
                else if (!await _mailbox.WaitAsync())
                    break;
            }

            cancellationToken.ThrowIfCancellationRequested();
            whole = true;
        }
        finally
        {
            if (!whole)
                Cancel();
        }
    }
}
