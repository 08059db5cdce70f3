using System.Threading.Tasks.Sources;

namespace Fathom.Storage.Chains;

/// <summary>A chain that is run on another thread than its caller's: the request on its way there, the result on its way back.</summary>
/// <remarks>
/// Rented from a <see cref="ChainCallPool"/>. The caller fills it and hands it over; the engine's thread runs <see cref="Chain"/>
/// and calls <see cref="Complete"/> once, after which it is the caller's again.
/// </remarks>
internal sealed class ChainCall(ChainCallPool pool) : IValueTaskSource<ChainResult>
{
    private ManualResetValueTaskSourceCore<ChainResult> _core = new() { RunContinuationsAsynchronously = true };
    private ChainRequest _request;
    private ChainBatch? _batch;
    private bool _holdsRoom;

    /// <summary>The state machine; the engine's from hand-over to completion.</summary>
    public Chain Chain { get; } = new();

    /// <summary>The chain's number in its batch.</summary>
    public int Index { get; private set; }

    /// <summary>What to run.</summary>
    public ref readonly ChainRequest Request => ref _request;

    /// <summary>For engines that run a chain in shares: whether its first share was run.</summary>
    public bool HasBegun { get; set; }

    /// <summary>The result, once complete.</summary>
    public ChainResult Result { get; private set; }

    /// <summary>Fills the call for a batch, which collects it.</summary>
    public void Prepare(in ChainRequest request, ChainBatch batch, int index, bool holdsRoom = false)
    {
        _holdsRoom = holdsRoom;
        _request = request;
        _batch = batch;
        Index = index;
    }

    /// <summary>Fills the call for one awaiting caller.</summary>
    public ValueTask<ChainResult> PrepareAsync(in ChainRequest request)
    {
        _holdsRoom = true;
        _request = request;
        _batch = null;
        return new ValueTask<ChainResult>(this, _core.Version);
    }

    /// <summary>Hands the result back; the engine does not touch the call afterwards.</summary>
    public void Complete(in ChainResult result)
    {
        Result = result;
        HasBegun = false;
        _request = default;
        if (_holdsRoom)
            pool.ReleaseRoom();
        if (_batch is { } batch)
        {
            _batch = null;
            batch.Add(this);
        }
        else
        {
            _core.SetResult(result);
        }
    }

    ChainResult IValueTaskSource<ChainResult>.GetResult(short token)
    {
        var result = _core.GetResult(token);
        _core.Reset();
        pool.Return(this);
        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<ChainResult>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<ChainResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
