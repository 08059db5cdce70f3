using System.Runtime.InteropServices;
using Fathom.Serving.KvCache;
using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>
/// Drives a scheduler as an executor with a pipeline would: plans return in the order in which they were scheduled. Keeps the KV
/// content itself and checks after every step that blocks add up and that every sequence finds its own tokens.
/// </summary>
internal sealed class SchedulerHost
{
    private readonly Random _random;
    private readonly SchedulerOptions _options;
    private readonly int[] _kv;
    private readonly int[] _references;
    private readonly Queue<IterationPlan> _inFlight = new();
    private readonly Stack<IterationPlan> _plans = new();
    private readonly SimulatedTiers _tiers;
    private readonly List<(Sequence Sequence, SimulatedLoad Load)> _loads = [];
    private long _lastId;

    public SchedulerHost(SchedulerOptions options, int seed, bool lossyTiers = true)
    {
        _options = options;
        _random = new Random(seed);
        _kv = new int[options.Blocks * KvBlockPool.BlockTokens];
        _references = new int[options.Blocks];
        Scheduler = new Scheduler(options);
        _tiers = new SimulatedTiers(_random, lossyTiers);
    }

    public Scheduler Scheduler { get; }

    public List<SequenceGroup> Live { get; } = [];

    /// <summary>Iterations that each live request was scheduled for.</summary>
    public Dictionary<RequestId, int> Iterations { get; } = [];

    public List<RequestId> Returned { get; } = [];

    public int Cancelled { get; private set; }

    /// <summary>Blocks that came from the tiers.</summary>
    public int Imported { get; private set; }

    /// <summary>Loads that were given back unused: cancelled, forgotten or too late.</summary>
    public int LoadsOpen => _tiers.Open;

    /// <summary>Chance that a drawn token ends its sequence before its limit.</summary>
    public double EndChance { get; init; }

    public bool HasInFlight => _inFlight.Count > 0;

    public SequenceGroup NewRequest(int promptTokens, int maxNewTokens, int choices = 1, int priority = 0, int? head = null)
    {
        var prompt = new int[promptTokens];
        // Prompts with the same head share their first tokens.
        var content = new Random(head ?? _random.Next());
        for (int i = 0; i < prompt.Length; i++)
            prompt[i] = content.Next(100);
        if (head is not null)
            prompt[^1] = _random.Next(100);
        return new SequenceGroup(new RequestId(++_lastId), prompt, maxNewTokens, choices, priority);
    }

    public bool Arrive(SequenceGroup group)
    {
        if (!Scheduler.TryAdd(group))
            return false;
        if (_options.HasTiers)
            BeginLoad(group.Sequences[0]);
        Live.Add(group);
        Iterations[group.Id] = 0;
        return true;
    }

    public void CancelAny()
    {
        if (Live.Count == 0)
            return;
        SequenceGroup group = Live[_random.Next(Live.Count)];
        if (!Scheduler.Cancel(group.Id))
            return;
        Live.Remove(group);
        Cancelled++;
        TakeReturned();
        Check();
    }

    /// <summary>Schedules one iteration, if the scheduler has one.</summary>
    public bool Schedule()
    {
        IterationPlan plan = _plans.Count > 0 ? _plans.Pop() : new IterationPlan();
        bool runs = Scheduler.TrySchedule(plan);
        foreach (ref readonly StorableBlock block in plan.Departing)
            _tiers.Store(block, Block(block.Block.Value));
        bool changed = false;
        while (Scheduler.Tables.LoadsWanted.TryDequeue(out Sequence? sequence))
        {
            if (sequence.State != SequenceState.Loading || BeginLoad(sequence))
                continue;
            Scheduler.LoadEnded(sequence);
            changed = true;
        }

        if (!runs)
        {
            _plans.Push(plan);
            return changed && Schedule();
        }

        CheckLimits(plan);
        Execute(plan);
        _inFlight.Enqueue(plan);
        foreach (RequestId id in plan.Entries.ToArray().Select(entry => entry.Sequence.Group.Id).Distinct())
            Iterations[id]++;
        Check();
        return true;
    }

    /// <summary>The oldest plan in flight returns.</summary>
    public bool Return()
    {
        if (!_inFlight.TryDequeue(out IterationPlan? plan))
            return false;
        Scheduler.Collect(plan);
        foreach (ref TokenDraw draw in plan.Draws)
        {
            draw.Token = _random.Next(100);
            bool last = draw.Sequence.Total + 1 - draw.Sequence.Group.PromptTokens >= draw.Sequence.Group.MaxNewTokens;
            draw.Ends = last || _random.NextDouble() < EndChance;
        }

        Scheduler.Complete(plan);
        foreach (ref readonly StorableBlock block in plan.Filled)
            _tiers.Store(block, Block(block.Block.Value));
        _plans.Push(plan);
        TakeReturned();
        Check();
        return true;
    }

    /// <summary>A load that is on its way ends, with some of its blocks.</summary>
    public bool EndALoad()
    {
        if (_loads.Count == 0)
            return false;
        int index = _random.Next(_loads.Count);
        (Sequence sequence, SimulatedLoad load) = _loads[index];
        _loads.RemoveAt(index);
        load.End();
        Scheduler.LoadEnded(sequence);
        return true;
    }

    /// <summary>Runs until nothing is left; fails if something never ends.</summary>
    public void RunToEnd(int steps = 100_000)
    {
        for (int i = 0; i < steps; i++)
        {
            if (!Schedule() && !Return() && !EndALoad())
            {
                Assert.Empty(Live);
                return;
            }
        }

        Assert.Fail($"{Live.Count} requests have not ended after {steps} steps");
    }

    private void TakeReturned()
    {
        while (Scheduler.TryTakeReturned(out SequenceGroup? group))
        {
            Assert.All(group.Sequences.ToArray(), sequence => Assert.Equal(SequenceState.Finished, sequence.State));
            Assert.True(Live.Remove(group));
            Returned.Add(group.Id);
        }
    }

    private void CheckLimits(IterationPlan plan)
    {
        Assert.InRange(plan.Entries.Length, 1, _options.MaxBatch);
        Assert.InRange(Scheduler.InFlight, 1, _options.Workers);
        if (_options.Policy == SchedulingPolicy.Paged)
            Assert.InRange(plan.TokenCount, 1, _options.TokenBudget);
        HashSet<Sequence> running = [];
        foreach (IterationPlan other in _inFlight.Append(plan))
        {
            foreach (ref readonly PlannedSequence entry in other.Entries)
                Assert.True(running.Add(entry.Sequence), "a sequence is in two batches");
        }
    }

    private void Execute(IterationPlan plan)
    {
        foreach (ref readonly BlockCopy copy in plan.Copies)
            Block(copy.From.Value).CopyTo(Block(copy.To.Value));
        foreach (ref readonly BlockImport import in plan.Imports)
        {
            MemoryMarshal.Cast<byte, int>(import.Load.Content(import.Index)).CopyTo(Block(import.To.Value));
            Imported++;
        }

        foreach (ref readonly TakenLoad taken in plan.Loads)
            taken.Load.Dispose();
        foreach (ref readonly PlannedSequence entry in plan.Entries)
        {
            for (int i = entry.FirstPosition; i < entry.FirstPosition + entry.TokenCount; i++)
            {
                int block = entry.Sequence.Blocks[i / KvBlockPool.BlockTokens];
                Assert.False(Scheduler.Blocks.IsIndexed(new BlockId(block)), "a block of the prefix index is written");
                Assert.Equal(1, Scheduler.Blocks.References(new BlockId(block)));
                Block(block)[i % KvBlockPool.BlockTokens] = entry.Sequence.Tokens[i];
            }
        }

        foreach (ref readonly PlannedSequence entry in plan.Entries)
        {
            for (int i = 0; i < entry.FirstPosition + entry.TokenCount; i++)
            {
                if (Block(entry.Sequence.Blocks[i / KvBlockPool.BlockTokens])[i % KvBlockPool.BlockTokens] != entry.Sequence.Tokens[i])
                    Assert.Fail($"sequence {entry.Sequence.Group.Id.Value}/{entry.Sequence.Choice} finds another token at position {i}");
            }
        }
    }

    private void Check()
    {
        Scheduler.Blocks.Verify();
        _references.AsSpan().Clear();
        int holders = 0;
        foreach (ref readonly SequenceGroup group in Scheduler.Requests.Ordered)
        {
            foreach (Sequence sequence in group.Sequences)
            {
                holders += sequence.IsStarted ? 1 : 0;
                Assert.True(sequence.IsStarted || sequence.BlockCount == 0);
                foreach (int block in sequence.Blocks)
                    _references[block]++;
            }
        }

        Assert.Equal(holders, Scheduler.Tables.Holders);
        for (int i = 0; i < _references.Length; i++)
        {
            if (_references[i] != Scheduler.Blocks.References(new BlockId(i)))
                Assert.Fail($"block {i} counts {Scheduler.Blocks.References(new BlockId(i))} holders and has {_references[i]}");
        }
    }

    private bool BeginLoad(Sequence sequence)
    {
        int blocks = (sequence.Total - 1) / KvBlockPool.BlockTokens;
        UInt128[] chain = sequence.Chain(blocks);
        int known = Scheduler.Blocks.CountPrefix(chain);
        if (known == blocks || _tiers.Load(chain, known) is not { } load)
            return false;
        sequence.Load = load;
        sequence.State = SequenceState.Loading;
        _loads.Add((sequence, load));
        return true;
    }

    private Span<int> Block(int block) => _kv.AsSpan(block * KvBlockPool.BlockTokens, KvBlockPool.BlockTokens);
}
