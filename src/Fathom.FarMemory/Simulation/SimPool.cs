using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Simulation;

/// <summary>A compute process of the simulated cluster: hosts the pool's state machine as the real host does, without threads.</summary>
internal sealed class SimPool : SimProcess, IDisposable
{
    private readonly SimLoop _loop;
    private readonly Action<SimPool, NodeId> _askRegion;
    private readonly Queue<Action> _inline = new();
    private long _tickScheduledUs = long.MaxValue;
    private bool _isRunning;

    public SimPool(
        int address, ComputeId id, Epoch epoch, FarPoolOptions options, SimLoop loop, SimNetwork network, Func<NodeId, SimNode> nodes,
        PlantedFault planted, Action<SimPool, NodeId> askRegion)
        : base(address)
    {
        _loop = loop;
        _askRegion = askRegion;
        Machine = new PoolMachine(options, id, epoch);
        Transport = new SimTransport(
            this, loop, network, nodes, planted, (request, reply) => Run(() => Machine.OnReply(loop.NowUs, request, reply)));
    }

    public PoolMachine Machine { get; }

    public SimTransport Transport { get; }

    public Action<SpanRead>? ReadCompleted { get; set; }

    public Action<SwapOut>? WriteCompleted { get; set; }

    public Action<SpanId>? SpanLost { get; set; }

    public Action<NodeId>? Drained { get; set; }

    /// <summary>After every step of the machine.</summary>
    public Action? Stepped { get; set; }

    /// <summary>One event, then all its actions.</summary>
    public void Run(Action step)
    {
        _inline.Enqueue(step);
        if (_isRunning)
            return;
        _isRunning = true;
        while (_inline.TryDequeue(out var next))
        {
            next();
            CarryOut();
        }
        _isRunning = false;
        Stepped?.Invoke();
        ScheduleTick();
    }

    public override void Resume()
    {
        base.Resume();
        Run(() => Machine.Tick(_loop.NowUs));
    }

    public void Dispose() => Machine.Dispose();

    private void CarryOut()
    {
        // Carrying out one action adds no others: whatever completes on the spot waits in the queue of events.
        foreach (var action in Machine.Actions)
        {
            switch (action.Kind)
            {
                case PoolActionKind.Send:
                    Transport.Send(action.Request!, out _);
                    break;
                case PoolActionKind.Cancel:
                    Transport.Cancel(action.Request!);
                    _inline.Enqueue(() => Machine.OnForgotten(action.Request!));
                    break;
                case PoolActionKind.Combine:
                    var checksum = action.Combine!.Run();
                    _inline.Enqueue(() => Machine.OnCombined(_loop.NowUs, action.Combine!, checksum));
                    break;
                case PoolActionKind.CompleteRead:
                    ReadCompleted?.Invoke((SpanRead)action.Operation!);
                    break;
                case PoolActionKind.CompleteWrite:
                    WriteCompleted?.Invoke((SwapOut)action.Operation!);
                    break;
                case PoolActionKind.AskRegion:
                    _askRegion(this, action.Node);
                    break;
                case PoolActionKind.Drained:
                    Drained?.Invoke(action.Node);
                    break;
                case PoolActionKind.SpanLost:
                    SpanLost?.Invoke(action.Span);
                    break;
            }
        }
        Machine.Actions.Clear();
    }

    private void ScheduleTick()
    {
        var dueUs = Machine.NextTickUs;
        if (dueUs >= _tickScheduledUs)
            return;
        _tickScheduledUs = dueUs;
        _loop.At(dueUs, () =>
        {
            if (_tickScheduledUs != dueUs)
                return;
            _tickScheduledUs = long.MaxValue;
            // A stopped process misses its ticks; going on, it catches up.
            if (IsAlive && !IsPaused)
                Run(() => Machine.Tick(_loop.NowUs));
        });
    }
}
