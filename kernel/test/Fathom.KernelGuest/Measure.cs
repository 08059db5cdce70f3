using System.Globalization;
using Fathom.Storage.Kernel;

namespace Fathom.KernelGuest;

/// <summary>Loads the function whose look-ups a program in C counts, and starts that program for each drive and block size.</summary>
internal static class Measure
{
    /// <summary>All settings, or those that <c>/app/measure</c> takes behind a block size.</summary>
    public static int Run(string[] setting)
    {
        using var follow = Functions.LoadFollow();
        GoToTargets();
        foreach (var target in new[] { "raw", "ext4" })
        {
            foreach (var block in new[] { "512", "4096" })
                Guest.MustRun("/app/measure", [Id(follow), block, target, .. setting]);
        }
        return 0;
    }

    /// <summary>Leaves the kernel's symbols on the raw drive, then looks up until the machine is turned off.</summary>
    public static int Profile(string method)
    {
        const string Forever = "2000000000";
        File.WriteAllText("/proc/sys/net/core/bpf_jit_kallsyms", "1\n");
        using var follow = Functions.LoadFollow();
        using (var drive = Guest.OpenForWriting(Guest.Drive("raw")))
        {
            RandomAccess.Write(drive, File.ReadAllBytes("/proc/kallsyms"), 0);
            RandomAccess.FlushToDisk(drive);
        }
        GoToTargets();
        Console.WriteLine("profiling");
        return Guest.Run("/app/measure", Id(follow), "512", "ext4", method, "6", Forever);
    }

    private static string Id(KernelFunction function) => function.Id.ToString(CultureInfo.InvariantCulture);

    private static void GoToTargets()
    {
        // The emulated drive stops answering now and then until the driver resets it, after a minute; chains live long enough to see that.
        File.WriteAllText("/sys/module/fathom_xrp/parameters/deadline_ms", "120000\n");
        var drive = Guest.Drive("raw");
        Directory.CreateDirectory("/tmp/targets");
        File.CreateSymbolicLink("/tmp/targets/raw", drive);
        File.CreateSymbolicLink("/tmp/targets/ext4", Path.Combine(Guest.Data, "index"));
        Directory.SetCurrentDirectory("/tmp/targets");
    }
}
