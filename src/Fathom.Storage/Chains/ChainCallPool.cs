using System.Diagnostics.CodeAnalysis;

namespace Fathom.Storage.Chains;

/// <summary>Calls for reuse, and the bound on how many asynchronous ones are under way.</summary>
/// <remarks>Any thread may use it; one lock guards the stack.</remarks>
/// <param name="asyncMax">Asynchronous calls at a time; further callers wait.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "See _room.")]
internal sealed class ChainCallPool(int asyncMax)
{
    private readonly Lock _lock = new();
    private readonly Stack<ChainCall> _idle = new();

    // Never disposed: callers may wait for room while the engine closes, and without a wait handle it holds nothing.
    private readonly SemaphoreSlim _room = new(asyncMax, asyncMax);

    /// <summary>Takes an idle call, or makes one.</summary>
    public ChainCall Rent()
    {
        lock (_lock)
        {
            if (_idle.TryPop(out var call))
                return call;
        }
        return new ChainCall(this);
    }

    /// <summary>Gives a call back whose result was taken.</summary>
    public void Return(ChainCall call)
    {
        lock (_lock)
            _idle.Push(call);
    }

    /// <summary>Runs a request as soon as there is room, at once if there is.</summary>
    public ValueTask<ChainResult> RunAsync(in ChainRequest request, Action<ChainCall> start) =>
        _room.Wait(0, CancellationToken.None) ? Start(request, start) : RunWhenRoomAsync(request, start);

    /// <summary>A call that took room is over.</summary>
    public void ReleaseRoom() => _room.Release();

    /// <summary>Takes room for a call that will not be awaited; false when there is none, which waiting rules out.</summary>
    public bool TryTakeRoom(bool wait) => _room.Wait(wait ? Timeout.Infinite : 0, CancellationToken.None);

    private ValueTask<ChainResult> Start(in ChainRequest request, Action<ChainCall> start)
    {
        var call = Rent();
        var task = call.PrepareAsync(request);
        start(call);
        return task;
    }

    private async ValueTask<ChainResult> RunWhenRoomAsync(ChainRequest request, Action<ChainCall> start)
    {
        try
        {
            await _room.WaitAsync(request.Cancellation);
        }
        catch (OperationCanceledException)
        {
            return new ChainResult { Status = ChainStatus.Cancelled };
        }
        return await Start(request, start);
    }
}
