using System.Globalization;

namespace Fathom.Kernels.Parallelism;

/// <summary>How many threads of arithmetic this process can run at full speed.</summary>
public static class ProcessorCores
{
    /// <summary>Physical cores that the process may run on, at most the processors that its affinity and its cgroup's quota leave it.</summary>
    /// <remarks>Two threads on one core share its multipliers, so that the second adds nothing to a product and makes barriers longer.</remarks>
    public static int Usable { get; } = Math.Max(1, Math.Min(
        Environment.ProcessorCount, OperatingSystem.IsLinux() ? CountCores("/proc/self/status", "/sys/devices/system/cpu") : int.MaxValue));

    /// <summary>Cores among the allowed processors; the number of processors where the system does not tell.</summary>
    /// <param name="statusFile">/proc/self/status: the line Cpus_allowed_list.</param>
    /// <param name="processorFolder">/sys/devices/system/cpu: cpuN/topology/thread_siblings_list.</param>
    internal static int CountCores(string statusFile, string processorFolder)
    {
        const string key = "Cpus_allowed_list:";
        try
        {
            if (File.ReadLines(statusFile).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) is not { } line)
                return int.MaxValue;
            return ParseList(line[key.Length..])
                .Select(cpu => File.ReadAllText(Path.Combine(processorFolder, $"cpu{cpu}", "topology", "thread_siblings_list")).Trim())
                .Distinct(StringComparer.Ordinal)
                .Count();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
        {
            return int.MaxValue; // a container that hides the topology
        }
    }

    /// <summary>"0-3,8" to 0, 1, 2, 3, 8.</summary>
    private static List<int> ParseList(string list)
    {
        var cpus = new List<int>();
        foreach (var range in list.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = range.Split('-');
            var first = int.Parse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture);
            var last = int.Parse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture);
            for (var cpu = first; cpu <= last && cpus.Count < 1 << 16; cpu++)
                cpus.Add(cpu);
        }
        return cpus;
    }
}
