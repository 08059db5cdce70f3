using System.Diagnostics.CodeAnalysis;
using Fathom.Memory;
using Fathom.Serving.KvCache;
using Fathom.Serving.Requests;

namespace Fathom.Serving.Scheduling;

/// <summary>
/// Decides what each iteration computes. A synchronous state machine: events come in (<see cref="TryAdd"/>, <see cref="Cancel"/>), the
/// host carries out the plans of <see cref="TrySchedule"/> and reports each with <see cref="Collect"/>, then <see cref="Complete"/>.
/// </summary>
/// <remarks>
/// No lock, task or clock inside; one thread. Up to <see cref="SchedulerOptions.Workers"/> plans are in flight. When
/// <see cref="TrySchedule"/> says no, only an arrival, a cancellation, the return of a plan or the end of a load can change that.
/// After each the host begins the loads that <see cref="BlockTables.LoadsWanted"/> names.
/// </remarks>
internal sealed class Scheduler
{
    private readonly SchedulerOptions _options;
    private readonly RequestPool _requests;
    private readonly BlockTables _tables;
    private readonly ISelection _selection;
    private readonly Queue<SequenceGroup> _returned = new();
    private int _inFlight;

    public Scheduler(SchedulerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TokenBudget, options.MaxBatch);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Workers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PromptLogitRows, 1);
        _options = options;
        bool paged = options.Policy == SchedulingPolicy.Paged;
        _requests = new RequestPool(honoursPriority: paged);
        _tables = new BlockTables(options.Blocks, paged && options.PrefixCaching, paged && options.PrefixCaching && options.HasTiers);
        _selection = options.Policy switch
        {
            SchedulingPolicy.Paged => new PagedSelection(options, _requests, _tables),
            SchedulingPolicy.Orca => new OrcaSelection(options, _requests, _tables),
            SchedulingPolicy.Request => new RequestSelection(options, _requests, _tables),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Policy, "not a scheduling policy"),
        };
    }

    /// <summary>The requests that have not ended.</summary>
    public RequestPool Requests => _requests;

    /// <summary>The KV blocks.</summary>
    public KvBlockPool Blocks => _tables.Pool;

    /// <summary>Counts of what happened to the sequences' blocks.</summary>
    public BlockTables Tables => _tables;

    /// <summary>The policy.</summary>
    public ISelection Selection => _selection;

    /// <summary>Plans that were scheduled and have not completed: Algorithm 1's n_scheduled.</summary>
    public int InFlight => _inFlight;

    /// <summary>Some sequence waits for the end of its load.</summary>
    public bool HasLoading
    {
        get
        {
            foreach (SequenceGroup group in _requests.Ordered)
            {
                foreach (Sequence sequence in group.Sequences)
                {
                    if (sequence.State == SequenceState.Loading)
                        return true;
                }
            }

            return false;
        }
    }

    /// <summary>Why the request could never run, even alone; null if it could.</summary>
    public string? ReasonNeverFits(SequenceGroup group) => _selection.ReasonNeverFits(group);

    /// <summary>A request arrives. Ids grow in order of arrival.</summary>
    /// <returns>False when it could never run, so that waiting for it would block the queue for ever.</returns>
    public bool TryAdd(SequenceGroup group)
    {
        if (_selection.ReasonNeverFits(group) is not null)
            return false;
        _requests.Add(group);
        return true;
    }

    /// <summary>A request is not wanted any more. Its blocks are free at once, except those of sequences in flight: when their plan completes.</summary>
    /// <returns>False when it had ended already.</returns>
    public bool Cancel(RequestId id)
    {
        if (!_requests.TryGet(id, out SequenceGroup? group) || group.IsCancelled)
            return false;
        group.IsCancelled = true;
        EndCancelled(group);
        return true;
    }

    /// <summary>The sequence's load has ended, or none was begun: it may start with what is there.</summary>
    public static void LoadEnded(Sequence sequence)
    {
        if (sequence.State == SequenceState.Loading)
            sequence.State = SequenceState.Initiation;
    }

    /// <summary>Fills a plan with the next iteration.</summary>
    /// <returns>False when nothing can run before the next event, or all workers have a batch.</returns>
    public bool TrySchedule(IterationPlan plan)
    {
        Invariant.Check(!plan.IsInFlight);
        plan.Clear();
        if (_inFlight == _options.Workers)
            return false;
        _selection.Select(plan);
        if (plan.Entries.IsEmpty)
            return false;
        plan.IsInFlight = true;
        _inFlight++;
        return true;
    }

    /// <summary>The plan was computed: counts its tokens, forks the prompts that are done, and lists the tokens to draw.</summary>
    public void Collect(IterationPlan plan)
    {
        Invariant.Check(plan.IsInFlight);
        ReadOnlySpan<PlannedSequence> entries = plan.Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            Sequence sequence = entries[i].Sequence;
            sequence.Computed += entries[i].TokenCount;
            _tables.IndexComputed(sequence, plan);
            if (sequence.Remaining > 0 || sequence.Group.IsCancelled)
                continue;
            plan.AddDraw(sequence, i);
            if (!sequence.Group.IsForked)
                Fork(sequence, i, plan);
        }
    }

    /// <summary>The host has filled in <see cref="IterationPlan.Draws"/>: appends the tokens and ends what ended.</summary>
    public void Complete(IterationPlan plan)
    {
        Invariant.Check(plan.IsInFlight);
        plan.IsInFlight = false;
        _inFlight--;
        foreach (ref readonly PlannedSequence entry in plan.Entries)
            entry.Sequence.State = SequenceState.Increment;
        foreach (ref readonly TokenDraw draw in plan.Draws)
        {
            Sequence sequence = draw.Sequence;
            sequence.State = SequenceState.Increment;
            sequence.Append(draw.Token);
            if (draw.Ends)
                End(sequence);
            else
                Invariant.Check(sequence.Total < sequence.Group.MaxTokens);
        }

        foreach (ref readonly PlannedSequence entry in plan.Entries)
        {
            if (entry.Sequence.Group.IsCancelled && entry.Sequence.State != SequenceState.Finished)
                EndCancelled(entry.Sequence.Group);
        }
    }

    /// <summary>The next request whose results may go back to its client, in order of ending; cancelled ones are not among them.</summary>
    public bool TryTakeReturned([NotNullWhen(true)] out SequenceGroup? group) => _returned.TryDequeue(out group);

    private void Fork(Sequence parent, int entry, IterationPlan plan)
    {
        SequenceGroup group = parent.Group;
        while (!group.IsForked)
        {
            Sequence child = group.AddChoice();
            // A choice beyond the batch waits like a newcomer: it finds its prompt in the prefix cache, or computes it again.
            if (_options.Policy == SchedulingPolicy.Paged && _tables.Holders >= _options.MaxBatch)
                continue;
            _tables.Fork(parent, child);
            child.State = SequenceState.Running;
            plan.AddDraw(child, entry);
        }
    }

    private void EndCancelled(SequenceGroup group)
    {
        bool inFlight = false;
        foreach (Sequence sequence in group.Sequences)
        {
            inFlight |= sequence.State == SequenceState.Running;
            if (sequence.State == SequenceState.Running)
                continue;
            if (sequence.IsStarted)
                _tables.Release(sequence);
            sequence.DropLoad();
            sequence.State = SequenceState.Finished;
        }

        if (inFlight)
            return;
        group.Live = 0;
        _requests.Remove(group);
        _selection.Ended(group, _returned);
    }

    private void End(Sequence sequence)
    {
        _tables.Release(sequence);
        sequence.State = SequenceState.Finished;
        SequenceGroup group = sequence.Group;
        if (--group.Live > 0)
            return;
        _requests.Remove(group);
        _selection.Ended(group, _returned);
    }
}
