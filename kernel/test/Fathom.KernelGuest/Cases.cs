using System.Diagnostics;

namespace Fathom.KernelGuest;

/// <summary>All cases, in the order in which they run.</summary>
internal static class Cases
{
    private static readonly (string Name, Action Body)[] All =
    [
        .. ProgramCases.All, .. ChainCases.All, .. StoreCases.All, .. FileCases.All, .. DeviceCases.All, .. CallCases.All, .. EngineCases.All, .. CompiledCases.All,
    ];

    /// <summary>Runs the cases whose name holds one of the parts; all without one.</summary>
    public static int Run(string[] parts)
    {
        var (passed, failed) = (0, 0);
        foreach (var (name, body) in All)
        {
            if (parts.Length > 0 && !parts.Any(part => name.Contains(part, StringComparison.Ordinal)))
                continue;
            var clock = Stopwatch.StartNew();
            try
            {
                body();
                Console.WriteLine($"ok {name} ({clock.ElapsedMilliseconds} ms)");
                passed++;
            }
#pragma warning disable CA1031 // A case may fail in any way; the others run all the same.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                Console.WriteLine($"FAILED {name}: {failure.GetType().Name}: {failure.Message}\n{failure.StackTrace}");
                failed++;
            }
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }
}
