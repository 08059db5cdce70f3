using System.Globalization;

namespace Fathom.FarMemory.Simulation;

/// <summary>A simulated run broke a promise of far memory. The seed reproduces it.</summary>
public sealed class SimulationFailedException : FarMemoryException
{
    internal SimulationFailedException(ulong seed, long nowUs, string violation, Exception? cause = null)
        : base(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, at {nowUs} us: {violation}"), cause)
    {
        Seed = seed;
        NowUs = nowUs;
        Violation = violation;
    }

    /// <summary>Seed of the run.</summary>
    public ulong Seed { get; }

    /// <summary>Simulated time of the violation, µs.</summary>
    public long NowUs { get; }

    /// <summary>The promise that was broken.</summary>
    public string Violation { get; }
}
