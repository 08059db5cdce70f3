using System.Diagnostics;
using System.Runtime.InteropServices;
using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Transports;

/// <summary>
/// A network to emulate, because loopback hides what one costs: a delay for every message, rare stragglers, and links of limited
/// bandwidth. Results under it are emulated and say so.
/// </summary>
public sealed record NetworkShape
{
    /// <summary>There and back, µs.</summary>
    public double BaseUs { get; init; } = 50;

    /// <summary>Share of the messages that take longer.</summary>
    public double StragglerShare { get; init; } = 0.01;

    /// <summary>A straggler takes at least so many times <see cref="BaseUs"/>.</summary>
    public double StragglerMin { get; init; } = 5;

    /// <summary>And at most so many.</summary>
    public double StragglerMax { get; init; } = 20;

    /// <summary>Bandwidth of the link to each node, MB/s.</summary>
    public double LinkMbPerS { get; init; } = 200;

    /// <summary>Seed of the stragglers.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>The emulated links: when a message that is sent now has its answer.</summary>
/// <remarks>Any thread; one lock.</remarks>
internal sealed class ShapedLinks(NetworkShape shape)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<NodeId, long> _freeAt = [];
    private readonly Random _random = new(unchecked((int)shape.Seed));

    /// <param name="node">The node at the other end.</param>
    /// <param name="bytes">Both ways.</param>
    /// <returns>Point in time, ticks of <see cref="Stopwatch"/>.</returns>
    public long AnswerAt(NodeId node, long bytes)
    {
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            var start = Math.Max(now, _freeAt.GetValueOrDefault(node));
            var free = start + Ticks(bytes / shape.LinkMbPerS);
            _freeAt[node] = free;
            var slower = _random.NextDouble() < shape.StragglerShare
                ? shape.StragglerMin + _random.NextDouble() * (shape.StragglerMax - shape.StragglerMin)
                : 1;
            return free + Ticks(shape.BaseUs * slower);
        }
    }

    private static long Ticks(double us) => (long)(us * Stopwatch.Frequency / 1e6);
}

/// <summary>Waits of some µs that neither spin nor oversleep by the system's usual 50 µs. For emulation only.</summary>
internal static partial class PreciseWait
{
    private const int SetTimerSlack = 29; // PR_SET_TIMERSLACK

    [ThreadStatic]
    private static bool t_isSharp;

    /// <summary>Returns at, or shortly after, a point in time in ticks of <see cref="Stopwatch"/>.</summary>
    public static void Until(long at)
    {
        while (at - Stopwatch.GetTimestamp() is > 0 and var left)
        {
            if (!OperatingSystem.IsLinux())
            {
                Thread.SpinWait(50);
                continue;
            }
            if (!t_isSharp)
                t_isSharp = Control(SetTimerSlack, 1, 0, 0, 0) == 0;
            var ns = (long)(left * (1e9 / Stopwatch.Frequency));
            var time = new TimeSpec { Seconds = (nint)(ns / 1_000_000_000), Nanoseconds = (nint)(ns % 1_000_000_000) };
            _ = Sleep(in time, 0); // an interrupted sleep is begun again
        }
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sleep(in TimeSpec time, nint remaining);

    [LibraryImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(int option, nuint value, nuint third, nuint fourth, nuint fifth);

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
