using System.Diagnostics;
using System.Globalization;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>What one method did in a stretch of steady work, by look-up.</summary>
/// <param name="PerSecond">Look-ups per second.</param>
/// <param name="CpuUs">Processor time of the process, user and kernel, in microseconds.</param>
/// <param name="MachineCpuUs">Processor time of the whole machine, interrupts and kernel threads included.</param>
/// <param name="AllocatedBytes">Managed memory.</param>
/// <param name="SystemCalls">System calls that the method knows of.</param>
internal readonly record struct LookUpSample(double PerSecond, double CpuUs, double MachineCpuUs, double AllocatedBytes, double? SystemCalls)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(400);

    /// <summary>Runs a method and measures it while nothing starts or stops.</summary>
    public static async Task<LookUpSample> TakeAsync(LookUpMethod method, TimeSpan duration, CancellationToken cancellation)
    {
        await using (method)
        {
            method.Start();
            await Task.Delay(WarmUp, cancellation);
            var before = Reading.TakeFirst(method);
            await Task.Delay(duration, cancellation);
            return Reading.TakeLast(method).Since(before);
        }
    }

    private readonly record struct Reading(long Time, long LookUps, TimeSpan Cpu, double MachineCpuUs, long AllocatedBytes, long? SystemCalls)
    {
        /// <summary>The first reading allocates before it counts, the last one after, so that none of it falls into the measured stretch.</summary>
        public static Reading TakeFirst(LookUpMethod method)
        {
            var machineCpu = MachineCpu();
            return Take(method) with { MachineCpuUs = machineCpu };
        }

        public static Reading TakeLast(LookUpMethod method)
        {
            var reading = Take(method);
            return reading with { MachineCpuUs = MachineCpu() };
        }

        private static Reading Take(LookUpMethod method) => new(
            Stopwatch.GetTimestamp(), method.LookUps, Environment.CpuUsage.TotalTime, 0, GC.GetTotalAllocatedBytes(), method.SystemCalls);

        public LookUpSample Since(in Reading before)
        {
            var lookUps = (double)long.Max(1, LookUps - before.LookUps);
            return new LookUpSample(
                lookUps / Stopwatch.GetElapsedTime(before.Time, Time).TotalSeconds,
                (Cpu - before.Cpu).TotalMicroseconds / lookUps,
                (MachineCpuUs - before.MachineCpuUs) / lookUps,
                (AllocatedBytes - before.AllocatedBytes) / lookUps,
                (SystemCalls - before.SystemCalls) / lookUps);
        }

        /// <summary>Microseconds that the machine's processors were busy since it started: all but idle, waiting and stolen time.</summary>
        private static double MachineCpu()
        {
            const double MicrosecondsPerTick = 10_000; // the kernel reports in hundredths of a second
            // "cpu", then user nice system idle iowait irq softirq steal …
            var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..8]
                .Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
            return (ticks.Sum() - ticks[3] - ticks[4]) * MicrosecondsPerTick;
        }
    }
}
