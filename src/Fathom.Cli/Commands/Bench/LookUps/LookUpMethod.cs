using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>A way to look keys up that keeps a number of look-ups in flight until it is stopped.</summary>
/// <remarks>Workers count their look-ups (<see cref="Count"/>); whoever measures reads the sum from outside while they run.</remarks>
internal abstract class LookUpMethod(string name, LookUpIndex index, int workers) : IAsyncDisposable
{
    private const int Padding = 16; // counters on cache lines of their own

    private readonly long[] _progress = new long[(workers + 1) * Padding];
    private volatile bool _isStopping;

    public string Name { get; } = name;

    /// <summary>Look-ups so far.</summary>
    public virtual long LookUps
    {
        get
        {
            long sum = 0;
            for (var i = 0; i < workers; i++)
                sum += Volatile.Read(ref _progress[(i + 1) * Padding]);
            return sum;
        }
    }

    /// <summary>System calls so far that the method knows of; null when it does not.</summary>
    public virtual long? SystemCalls => null;

    protected LookUpIndex Index { get; } = index;

    protected int Workers => workers;

    protected bool IsStopping => _isStopping;

    public abstract void Start();

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        await StopAsync();
    }

    protected abstract ValueTask StopAsync();

    protected void Count(int worker, int lookUps) =>
        Volatile.Write(ref _progress[(worker + 1) * Padding], _progress[(worker + 1) * Padding] + lookUps);

    protected static void Check(ulong key, ulong value)
    {
        if (value != LookUpIndex.ValueOf(key))
            throw new CommandException($"The look-up of key {key} found {value}.");
    }

    /// <summary>Random keys, the same for every method.</summary>
    protected ref struct KeySequence(int worker, long keys)
    {
        private ulong _state = (ulong)worker * 0xD1342543DE82EF95;

        public long Next()
        {
            // SplitMix64.
            var bits = _state += 0x9E3779B97F4A7C15;
            bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
            bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
            return (long)Math.BigMul(bits ^ (bits >> 31), (ulong)keys, out _);
        }
    }
}
