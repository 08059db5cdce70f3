namespace Fathom.FarMemory.Simulation;

/// <summary>What the network does to messages under faults. Rates of 0 make a good network.</summary>
internal sealed record NetworkFaults
{
    public double DropRate { get; init; }

    public double DuplicateRate { get; init; }

    /// <summary>Share of messages that are held back, up to <see cref="HeldUsMax"/>.</summary>
    public double HoldRate { get; init; }

    public long HeldUsMax { get; init; } = 1;
}

/// <summary>Messages between the processes of a simulated cluster: late, lost, twice, out of order, or not at all across a cut.</summary>
internal sealed class SimNetwork(SimLoop loop)
{
    private readonly HashSet<(int From, int To)> _cuts = [];

    public NetworkFaults Faults { get; set; } = new();

    /// <summary>Messages sent since the start.</summary>
    public long Sent { get; private set; }

    /// <summary>Stops messages one way.</summary>
    public void Cut(int from, int to) => _cuts.Add((from, to));

    public void Heal(int from, int to) => _cuts.Remove((from, to));

    public void HealAll() => _cuts.Clear();

    public void Send(SimProcess from, SimProcess to, Action deliver)
    {
        Sent++;
        var copies = loop.Random.Chance(Faults.DuplicateRate) ? 2 : 1;
        for (var copy = 0; copy < copies; copy++)
        {
            if (loop.Random.Chance(Faults.DropRate))
                continue;
            var delayUs = loop.Random.Between(20, 120);
            if (loop.Random.Chance(Faults.HoldRate))
                delayUs += loop.Random.Between(1, Faults.HeldUsMax);
            loop.After(delayUs + to.SlowUs, () => Arrive(from, to, deliver));
        }
    }

    private void Arrive(SimProcess from, SimProcess to, Action deliver)
    {
        // A cut also loses what was under way; a stopped process finds its mail when it goes on, a dead one never.
        if (!_cuts.Contains((from.Address, to.Address)))
            to.Receive(deliver);
    }
}

/// <summary>A process of the simulated cluster: it can be stopped, be slow, die and come back.</summary>
internal abstract class SimProcess(int address)
{
    /// <summary>Value of <see cref="ImpairedUs"/> as long as the trouble lasts.</summary>
    public const long StillImpaired = long.MaxValue / 2;

    private readonly List<Action> _mail = [];

    public int Address { get; } = address;

    public bool IsAlive { get; private set; } = true;

    public bool IsPaused { get; private set; }

    /// <summary>Added to everything it receives.</summary>
    public long SlowUs { get; set; }

    /// <summary>When it last was dead, stopped or cut off.</summary>
    public long ImpairedUs { get; set; } = long.MinValue / 2;

    public void Receive(Action deliver)
    {
        if (!IsAlive)
            return;
        if (IsPaused)
            _mail.Add(deliver);
        else
            deliver();
    }

    public void Pause()
    {
        IsPaused = true;
        ImpairedUs = StillImpaired;
    }

    public virtual void Resume()
    {
        IsPaused = false;
        var mail = _mail.ToArray();
        _mail.Clear();
        foreach (var deliver in mail)
            Receive(deliver);
    }

    public virtual void Kill()
    {
        IsAlive = false;
        IsPaused = false;
        ImpairedUs = StillImpaired;
        _mail.Clear();
    }

    public virtual void Restart() => IsAlive = true;
}
