using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>Holds this process to some of the machine's processors, so that methods with many threads and methods with few compare.</summary>
internal static class ProcessorSet
{
    private const int MaskBytes = 128; // 1,024 processors

    /// <summary>Lets all threads of the process, and those that they start, run on the first processors only.</summary>
    /// <exception cref="CommandException">The system does not allow it.</exception>
    public static void Limit(int processors)
    {
        var mask = new byte[MaskBytes];
        for (var i = 0; i < processors; i++)
            mask[i / 8] |= (byte)(1 << (i % 8));
        foreach (var thread in Directory.EnumerateDirectories("/proc/self/task"))
        {
            const int NoSuchThread = 3; // it ended meanwhile
            if (SetAffinity(int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture), MaskBytes, mask) != 0 && Marshal.GetLastPInvokeError() != NoSuchThread)
                throw new CommandException($"The process cannot be held to {processors} processors: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    [DllImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressMessage("Interoperability", "SYSLIB1054:Use LibraryImport", Justification = "LibraryImport would need unsafe code here.")]
    private static extern int SetAffinity(int thread, nint maskBytes, byte[] mask);
}
