namespace Fathom.FarMemory.Simulation;

/// <summary>Simulated time: what is due next runs next; of two things due together the one scheduled first.</summary>
internal sealed class SimLoop(SimRandom random)
{
    private readonly PriorityQueue<Action, (long DueUs, long Order)> _queue = new();
    private long _order;

    public SimRandom Random { get; } = random;

    public long NowUs { get; private set; } = 1;

    /// <summary>Things that have run.</summary>
    public long Events { get; private set; }

    public void At(long dueUs, Action run) => _queue.Enqueue(run, (Math.Max(dueUs, NowUs), _order++));

    public void After(long delayUs, Action run) => At(NowUs + delayUs, run);

    /// <summary>Runs everything up to a point in time.</summary>
    public void RunUntil(long endUs)
    {
        while (_queue.TryPeek(out var run, out var key) && key.DueUs <= endUs)
        {
            _queue.Dequeue();
            NowUs = key.DueUs;
            Events++;
            run();
        }
        NowUs = endUs;
    }
}
