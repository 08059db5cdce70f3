using System.Globalization;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;
using Fathom.Memory;

namespace Fathom.FarMemory.Simulation;

/// <summary>
/// One seed: a cluster under load and faults, then the same cluster mended. The first phase checks safety at every step, the second
/// that everything owed gets done: full redundancy, every acknowledged byte there, nothing leaked.
/// </summary>
internal sealed class PoolSimulation : IDisposable
{
    private const long DeadlineUs = 40_000;

    /// <summary>The machine looks at its timers each millisecond at the latest.</summary>
    private const long LateUsMax = 1_500;

    private const long HealingUsMax = 10_000_000;

    private readonly ulong _seed;
    private readonly SimLoop _loop;
    private readonly SimCluster _cluster;
    private readonly ClusterChecks _checks;
    private readonly FaultInjector _faults;
    private readonly SimulationPlan _plan;
    private readonly List<SpanId> _live = [];
    private readonly Dictionary<SpanId, int> _reading = [];
    private readonly Stack<LoadBuffer> _buffers = new();
    private readonly NativeBuffer _memory;
    private readonly SimulationTally _tally = new();
    private bool _isHealing;
    private bool _isHealed;
    private bool _isOver;
    private int _pending;
    private long _checkedCompactions;
    private long _checkedRebuilds;

    public PoolSimulation(ulong seed, PlantedFault planted)
    {
        _seed = seed;
        var random = new SimRandom(seed);
        _plan = SimulationPlan.Draw(random, planted);
        _loop = new SimLoop(random);
        _cluster = new SimCluster(_loop, _plan.Options, _plan.Nodes, _plan.RegionGranules, _plan.RegionsANodeMax, planted);
        _checks = new ClusterChecks(_cluster, Fail);
        _faults = new FaultInjector(_cluster, _plan, _checks);
        var fragments = _plan.Options.CodeData + _plan.Options.CodeParity;
        const int buffers = 16;
        _memory = NativeBuffer.Allocate((long)buffers * fragments * _plan.FragmentBytes);
        for (var i = 0; i < buffers; i++)
            _buffers.Push(new LoadBuffer(_memory.View.Slice((long)i * fragments * _plan.FragmentBytes, (long)fragments * _plan.FragmentBytes)));
        _cluster.Pool.WriteCompleted = OnWritten;
        _cluster.Pool.ReadCompleted = OnRead;
        _cluster.Pool.SpanLost = _checks.ReadLost;
        _cluster.Pool.Stepped = OnStepped;
        SpansPerSet = _plan.Options.Scheme == RedundancyScheme.ErasureBatch ? _plan.Options.CodeData : 1;
        SpanBytes = _plan.Options.Scheme == RedundancyScheme.ErasureSplit ? _plan.FragmentBytes * _plan.Options.CodeData : _plan.FragmentBytes;
    }

    private int SpansPerSet { get; }

    private int SpanBytes { get; }

    /// <summary>Runs the seed to its end.</summary>
    /// <exception cref="SimulationFailedException">A promise was broken.</exception>
    public SimulationTally Run()
    {
        try
        {
            _cluster.Start();
            _faults.Start();
            ScheduleLoad();
            _loop.RunUntil(_plan.FaultyUs);
            _checks.CheckSets();
            Heal();
            ReadEverything();
        }
        catch (InvariantViolationException violation)
        {
            throw new SimulationFailedException(_seed, _loop.NowUs, violation.Message, violation);
        }
        _tally.Events = _loop.Events;
        _tally.Faults = _faults.Count;
        _tally.Counters = _cluster.Pool.Machine.Counters;
        return _tally;
    }

    public void Dispose()
    {
        _cluster.Dispose();
        _memory.Dispose();
    }

    private void Heal()
    {
        _faults.MendAll();
        _isHealing = true;
        MakeRoom();
        var endUs = _loop.NowUs + HealingUsMax;
        // What was in flight when the faults ended may still fail of them.
        _loop.RunUntil(_loop.NowUs + DeadlineUs + 60_000);
        _isHealed = true;
        _isOver = true;
        Drain("operations");
        while (Owed() is { } owed)
        {
            if (_loop.NowUs > endUs)
                Fail($"no progress after all faults had ended: {owed}");
            _loop.RunUntil(_loop.NowUs + 20_000);
        }
        _checks.CheckSets();
    }

    /// <summary>Making a set whole takes room, and those who fill a pool to the brim must give some back first.</summary>
    private void MakeRoom()
    {
        var core = _cluster.Pool.Machine.Core;
        var room = 0L;
        foreach (var node in core.Roster.Nodes)
            room += node.IsDraining ? 0 : _plan.RegionGranules;
        while (_live.Count > 0 && 2L * _live.Count * core.Code.Fragments > room)
            Release();
    }

    private string? Owed() => _cluster.Pool.Machine.CompactionsActive > 0 ? "a compaction does not end" : _checks.Unfinished();

    private void ReadEverything()
    {
        var lost = _checks.TrulyLost();
        if (_plan.IsSurvivable && lost.Count > 0)
            Fail($"{lost.Count} spans are lost though no set ever lost more fragments than it has parities");
        _tally.SpansLost = lost.Count;
        foreach (var span in _checks.Model.Keys)
        {
            while (_buffers.Count == 0)
                _loop.RunUntil(_loop.NowUs + 1_000);
            Read(span, isLost: lost.Contains(span));
            _tally.Verified++;
        }
        Drain("reads");
    }

    private void Drain(string what)
    {
        for (var endUs = _loop.NowUs + DeadlineUs + LateUsMax; _pending > 0; _loop.RunUntil(_loop.NowUs + 1_000))
        {
            if (_loop.NowUs > endUs)
                Fail($"{_pending} {what} never ended");
        }
    }

    private void ScheduleLoad() => _loop.After(_loop.Random.Between(1, 2 * _plan.OperationEveryUs), () =>
    {
        if (_isOver)
            return;
        DoSomething();
        ScheduleLoad();
    });

    private void DoSomething()
    {
        var dice = _loop.Random.Below(100);
        if (dice < 2)
            _cluster.Pool.Machine.Compaction = dice == 0 ? CompactionMode.Local : CompactionMode.Remote;
        else if (_live.Count == 0 || (dice < 35 && _live.Count < _plan.SpansMax))
            Write();
        else if (dice < 65)
            Release();
        else if (_buffers.Count > 0)
            Read(_live[_loop.Random.Below(_live.Count)], isLost: false);
    }

    private void Write()
    {
        if (!_buffers.TryPop(out var buffer))
            return;
        var core = _cluster.Pool.Machine.Core;
        var write = new SwapOut(core) { Waiter = buffer, DeadlineUs = _loop.NowUs + DeadlineUs, FragmentBytes = _plan.FragmentBytes, SpanBytes = SpanBytes };
        // Most sets are full, as the heap's are; some are what was left.
        write.SpanCount = _loop.Random.Chance(0.85) ? SpansPerSet : 1 + _loop.Random.Below(SpansPerSet);
        var k = core.Code.DataFragments;
        var used = SpansPerSet == 1 ? k : write.SpanCount;
        for (var slot = 0; slot < core.Code.Fragments; slot++)
        {
            var isUsed = slot < used || slot >= k;
            write.Fragments[slot] = isUsed ? buffer.View.Slice((long)slot * _plan.FragmentBytes, _plan.FragmentBytes) : default;
            if (slot < used)
                _loop.Random.Fill(write.Fragments[slot].AsSpan<byte>());
        }
        core.Code.Encode(write.Fragments.AsSpan(0, k), write.Fragments.AsSpan(k));
        for (var slot = 0; slot < core.Code.Fragments; slot++)
            write.Checksums[slot] = write.Fragments[slot].Length == 0 ? 0 : Crc32C.Compute(write.Fragments[slot]);
        _pending++;
        _cluster.Pool.Receive(() => _cluster.Pool.Run(() => _cluster.Pool.Machine.StartWrite(_loop.NowUs, write)));
    }

    private void OnWritten(SwapOut write)
    {
        _pending--;
        CheckDeadline(write.DeadlineUs);
        var buffer = (LoadBuffer)write.Waiter!;
        _buffers.Push(buffer);
        if (!write.Outcome.IsWritten)
        {
            _tally.WritesRefused++;
            if (_isHealed && write.Outcome.Status is not WriteStatus.NoSpace and not WriteStatus.TooFewNodes)
                Fail($"a write ended with {write.Outcome.Status} though all faults had ended");
            return;
        }
        _tally.SetsAcknowledged++;
        for (var i = 0; i < write.SpanCount; i++)
        {
            _checks.Acknowledged(write.Ids[i], buffer.View.Slice((long)i * SpanBytes, SpanBytes).AsSpan<byte>().ToArray());
            _live.Add(write.Ids[i]);
        }
        // The caller may use its memory for something else from now on.
        buffer.View.AsSpan<byte>().Fill(0xEE);
    }

    private void Read(SpanId span, bool isLost)
    {
        var buffer = _buffers.Pop();
        buffer.View.AsSpan<byte>().Fill(0xDD);
        var read = new SpanRead(_cluster.Pool.Machine.Core)
        {
            Span = span,
            Destination = buffer.View.Slice(0, SpanBytes),
            DeadlineUs = _loop.NowUs + DeadlineUs,
            Waiter = (buffer, isLost),
        };
        _pending++;
        _reading[span] = _reading.GetValueOrDefault(span) + 1;
        _cluster.Pool.Receive(() => _cluster.Pool.Run(() => _cluster.Pool.Machine.StartRead(_loop.NowUs, read)));
    }

    private void OnRead(SpanRead read)
    {
        _pending--;
        CheckDeadline(read.DeadlineUs);
        var (buffer, isLost) = ((LoadBuffer, bool))read.Waiter!;
        _buffers.Push(buffer);
        if (--_reading[read.Span] == 0)
            _reading.Remove(read.Span);
        switch (read.Outcome.Status)
        {
            case ReadStatus.Read when isLost:
                Fail($"span {read.Span.Value} was read though too few of its fragments are intact");
                break;
            case ReadStatus.Read when !_checks.Model.ContainsKey(read.Span):
                break;
            case ReadStatus.Read:
                _tally.Reads++;
                if (read.Outcome.LengthBytes != SpanBytes)
                    Fail($"a read of span {read.Span.Value} delivered {read.Outcome.LengthBytes} bytes");
                _checks.ReadDelivered(read.Span, read.Destination.AsSpan<byte>());
                break;
            case ReadStatus.Lost when _isHealed && !isLost && _plan.IsSurvivable:
                Fail($"span {read.Span.Value} was called lost after survivable faults");
                break;
            case ReadStatus.Lost:
                _tally.ReadsLost++;
                _checks.ReadLost(read.Span);
                break;
            case ReadStatus.Deadline when !_isHealed:
                _tally.ReadsLate++;
                break;
            // A span released while it was read is gone, and that is what the reader hears.
            case ReadStatus.UnknownSpan when !_checks.Model.ContainsKey(read.Span):
                break;
            default:
                Fail($"a read of span {read.Span.Value} ended with {read.Outcome.Status}");
                break;
        }
    }

    private void Release()
    {
        var at = _loop.Random.Below(_live.Count);
        var span = _live[at];
        // The heap never releases what it is reading.
        if (_reading.ContainsKey(span) && !_isHealing)
            return;
        _live[at] = _live[^1];
        _live.RemoveAt(_live.Count - 1);
        _checks.Released(span);
        _cluster.Pool.Receive(() => _cluster.Pool.Run(() => _cluster.Pool.Machine.Release(_loop.NowUs, span)));
    }

    private void OnStepped()
    {
        var tally = _cluster.Pool.Machine.Core.Tally;
        if (tally.Compactions == _checkedCompactions && tally.FragmentsRebuilt == _checkedRebuilds)
            return;
        (_checkedCompactions, _checkedRebuilds) = (tally.Compactions, tally.FragmentsRebuilt);
        _checks.CheckSets();
    }

    private void CheckDeadline(long deadlineUs)
    {
        if (_loop.NowUs > deadlineUs + LateUsMax)
            Fail($"an operation ended {_loop.NowUs - deadlineUs} us after its deadline");
    }

    private void Fail(FormattableString violation) => Fail(violation.ToString(CultureInfo.InvariantCulture));

    private void Fail(string violation) => throw new SimulationFailedException(_seed, _loop.NowUs, violation);

    private sealed class LoadBuffer(NativeView view)
    {
        public NativeView View { get; } = view;
    }
}

/// <summary>What a simulated run did.</summary>
internal sealed class SimulationTally
{
    public long Events { get; set; }

    public long Faults { get; set; }

    public long SetsAcknowledged { get; set; }

    public long WritesRefused { get; set; }

    public long Reads { get; set; }

    public long ReadsLost { get; set; }

    public long ReadsLate { get; set; }

    public long Verified { get; set; }

    public long SpansLost { get; set; }

    public PoolCounters Counters { get; set; }
}
