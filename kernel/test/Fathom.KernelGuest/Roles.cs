using System.Globalization;
using Fathom.Storage;
using Fathom.Storage.Kernel;
using Fathom.Storage.Native;

namespace Fathom.KernelGuest;

/// <summary>Processes that cases start.</summary>
internal static class Roles
{
    private const int AccessDenied = 13;

    public static int Run(string role, string[] arguments)
    {
        switch (role)
        {
            case "stranger":
                Stranger(arguments[0], arguments[1], ulong.Parse(arguments[2], CultureInfo.InvariantCulture));
                return 0;
            case "shut-out":
                Check.That(XrpDevice.TryOpen(out var refusal) is null, "the device opens");
                Check.That(refusal.Contains("13", StringComparison.Ordinal), refusal);
                return 0;
            case "caller":
                Caller(arguments[0], ulong.Parse(arguments[1], CultureInfo.InvariantCulture), (XrpWhere)uint.Parse(arguments[2], CultureInfo.InvariantCulture));
                return 0;
            case "ring-caller":
                RingCaller(arguments[0]);
                return 0;
            case "loader":
                Loader();
                return 0;
            case "loader-without-rights":
                LoaderWithoutRights(arguments[0]);
                return 0;
            case "verify":
                return Verify(arguments[0]);
            default:
                Console.Error.WriteLine($"no role {role}");
                return 2;
        }
    }

    /// <summary>Asks the kernel's verifier about an object of the tree, for who writes one.</summary>
    private static int Verify(string name)
    {
        using var types = Functions.Types();
        try
        {
            KernelFunction.Load(Functions.ProgramOf(name), types).Dispose();
            Console.WriteLine($"{name} is taken");
            return 0;
        }
        catch (FunctionLoadException refused)
        {
            Console.WriteLine(string.Join('\n', refused.Log.Split('\n')[^150..]));
            Console.WriteLine(refused.Message);
            return 1;
        }
    }

    /// <summary>A user without rights but to open the device.</summary>
    private static void Stranger(string secret, string open, ulong function)
    {
        Check.That(LinuxFiles.Open(secret, 0, 0) < 0, "the secret opens");
        using var device = Guest.Device();
        // The function is root's and not shared; who may not load may not run it, whatever its id.
        var pin = Guest.Pin(device, open);
        var request = Chain.Request(pin, function);
        Check.Equal(AccessDenied, Chain.TryRun(device, ref request), "another user's function");
        Check.Equal(AccessDenied, Guest.TryPin(device, open, XrpCalls.PinSeal), "a seal on another user's file");
        // Drives are root's.
        Check.That(LinuxFiles.Open(Guest.Drive("raw"), 0, 0) < 0, "a drive opens");
        try
        {
            StorageEngine.Start(new StorageEngineOptions { Kind = EngineKind.Kernel }).Dispose();
        }
        catch (StorageEngineException refused)
        {
            Check.That(refused.Reason.Contains("CAP_BPF", StringComparison.Ordinal), refused.Reason);
            return;
        }
        throw new InvalidOperationException("functions can be loaded without CAP_BPF");
    }

    /// <summary>Runs a chain that does not end, and is killed.</summary>
    private static void Caller(string path, ulong function, XrpWhere where)
    {
        using var device = Guest.Device();
        var pin = Guest.Pin(device, path);
        var chain = Underway.Start(device, Chain.Request(pin, function) with { Where = where });
        Console.WriteLine("begun");
        chain.End();
        while (true)
            Chain.Run(device, Chain.Request(pin, function) with { Where = where });
    }

    /// <summary>Keeps a ring full of chains that do not end, and is killed.</summary>
    private static void RingCaller(string path)
    {
        using var file = StorageFile.Open(path, new StorageFileOptions { Engine = new() { Kind = EngineKind.Kernel } });
        var follow = Functions.Verified(Functions.FollowText, "follow");
        var requests = new ChainRequest[64];
        for (var i = 0; i < requests.Length; i++)
            requests[i] = new ChainRequest(file, follow, 0, 512, new byte[64]) { Limits = new ChainLimits { ReadsMax = 60_000, BytesMax = 1L << 40 } };
        var results = new ChainResult[requests.Length];
        Console.WriteLine("begun");
        while (true)
            file.Engine.RunBatch(requests, results);
    }

    /// <summary>A loader that may load BPF, but not look into the kernel (CAP_PERFMON, or the CAP_SYS_ADMIN that stands for it).</summary>
    private static void LoaderWithoutRights(string text)
    {
        const int NotPermitted = 1;
        using var types = Functions.Types(); // to find them takes CAP_SYS_ADMIN
        Guest.GiveUpRights(Guest.RightToAdminister, Guest.RightToLook);
        try
        {
            KernelFunction.Load(Functions.Assemble(text, "function"), types).Dispose();
        }
        catch (FunctionLoadException refused)
        {
            Check.Equal(NotPermitted, refused.Errno, refused.Message);
            return;
        }
        throw new InvalidOperationException("the kernel took it");
    }

    /// <summary>Loads a function, tells its id, and is killed.</summary>
    private static void Loader()
    {
        using var follow = Functions.LoadFollow();
        Console.WriteLine(follow.Id.ToString(CultureInfo.InvariantCulture));
        Console.ReadLine();
    }
}
