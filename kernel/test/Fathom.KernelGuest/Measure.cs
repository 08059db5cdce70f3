using System.Globalization;

namespace Fathom.KernelGuest;

/// <summary>Loads the function whose look-ups a program in C counts, and starts that program for each drive and block size.</summary>
internal static class Measure
{
    public static int Run()
    {
        using var follow = Functions.LoadFollow();
        var id = follow.Id.ToString(CultureInfo.InvariantCulture);
        var drive = Guest.Drive("raw");
        Directory.CreateDirectory("/tmp/targets");
        File.CreateSymbolicLink("/tmp/targets/raw", drive);
        File.CreateSymbolicLink("/tmp/targets/ext4", Path.Combine(Guest.Data, "index"));
        Directory.SetCurrentDirectory("/tmp/targets");
        foreach (var target in new[] { "raw", "ext4" })
        {
            foreach (var block in new[] { "512", "4096" })
                Guest.MustRun("/app/measure", id, block, target);
        }
        return 0;
    }
}
