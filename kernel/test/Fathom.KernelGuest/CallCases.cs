using System.Diagnostics;
using Fathom.Storage.Kernel;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.KernelGuest;

/// <summary>Callers: bad calls, calls by who may not, callers and loaders that die.</summary>
internal static unsafe class CallCases
{
    private const int NoEntry = 2;
    private const int BadDescriptor = 9;
    private const int BadAddress = 14;
    private const int Invalid = 22;
    private const int NoTypewriter = 25;
    private const int MessageSize = 90;

    public static (string Name, Action Body)[] All { get; } =
    [
        ("Call_WithBadNumbers_IsRefused", BadNumbers),
        ("Call_WithBadAddresses_IsRefused", BadAddresses),
        ("Call_OfAnUnknownKind_IsRefused", UnknownKind),
        ("Call_WithSharedScratch_HarmsNobody", SharedScratch),
        ("Pin_WithoutReading_IsRefused", PinWithoutReading),
        ("Pin_OfNoFile_IsRefused", PinOfNoFile),
        ("Access_OfAnotherUser_IsKeptToWhatItMayRead", AnotherUser),
        ("Signal_ToACaller_EndsItsChain", KilledCaller),
        ("Kill_OfTheLoader_EndsChains", KilledLoader),
        ("Kill_OfACallerWithManyEntries_LeavesNothing", KilledRing),
        ("Unload_UnderLoad_IsRefusedThenDone", Unload),
    ];

    private static void BadNumbers()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("numbers", Chain.Linked(-1)));
        Refused(BadDescriptor, device, Chain.Request(pin + 1, follow.Id));
        Refused(BadDescriptor, device, Chain.Request(uint.MaxValue, follow.Id));
        Refused(NoEntry, device, Chain.Request(pin, follow.Id + 1));
        Refused(Invalid, device, Chain.Request(pin, follow.Id) with { Where = (XrpWhere)4 });
        Refused(MessageSize, device, Chain.Request(pin, follow.Id), new byte[(1 << 20) + 1]);
        Chain.Ends(XrpStatus.BadSize, 90, Chain.Run(device, Chain.Request(pin, follow.Id, 0, 0)));
        Chain.Ends(XrpStatus.Misaligned, 22, Chain.Run(device, Chain.Request(pin, follow.Id, 3, 512)));
        Chain.Ends(XrpStatus.OutOfFile, 34, Chain.Run(device, Chain.Request(pin, follow.Id, ulong.MaxValue, 512)));
        Chain.Ends(XrpStatus.Done, 0, Chain.Run(device, Chain.Request(pin, follow.Id), new byte[1 << 20]));
        device.Unpin(pin);
        Refused(BadDescriptor, device, Chain.Request(pin, follow.Id));
    }

    private static void Refused(int errno, XrpDevice device, XrpRead request, Span<byte> scratch = default) =>
        Check.Equal(errno, Chain.TryRun(device, ref request, scratch), "errno");

    private static void BadAddresses()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("addresses", Chain.Linked(-1)));
        foreach (var address in new[] { 0ul, 8ul, 0xffff_8000_0000_0000ul, ulong.MaxValue - 100, 1ul << 47 })
        {
            var request = Chain.Request(pin, follow.Id) with { Scratch = address, ScratchSize = 4096 };
            Check.Equal(BadAddress, device.Run(ref request), "scratch");
            Check.Equal(BadAddress, Guest.Result(Guest.Control(device.Handle, XrpCalls.Read, (nuint)address)), "request");
            Check.Equal(BadAddress, Guest.Result(Guest.Control(device.Handle, XrpCalls.Pin, (nuint)address)), "pin");
            Check.Equal(BadAddress, Guest.Result(Guest.Control(device.Handle, XrpCalls.Info, (nuint)address)), "info");
        }
        // Scratch that can be read but not written: the chain runs, its results are lost, the caller is told.
        using var file = Guest.Open(Guest.Write("scratch", new byte[4096]));
        var readOnly = Guest.Map(0, 4096, 1, UringCalls.Private, file, 0);
        var lost = Chain.Request(pin, follow.Id) with { Scratch = (ulong)readOnly, ScratchSize = 4096 };
        Check.Equal(BadAddress, device.Run(ref lost), "read-only scratch");
        _ = UringCalls.Unmap(readOnly, 4096);
        Chain.Ends(XrpStatus.Done, 0, Chain.Run(device, Chain.Request(pin, follow.Id)));
    }

    private static void UnknownKind()
    {
        using var device = Guest.Device();
        Check.Equal(NoTypewriter, Guest.Result(Guest.Control(device.Handle, 0x1234, 0)), "ioctl");
        var request = new XrpPin { Flags = 0x80, Descriptor = 0 };
        Check.Equal(Invalid, Guest.Result(LinuxFiles.ControlDevice(device.Handle, XrpCalls.Pin, &request)), "flags");
        request = new XrpPin { Reserved = 1, Descriptor = 0 };
        Check.Equal(Invalid, Guest.Result(LinuxFiles.ControlDevice(device.Handle, XrpCalls.Pin, &request)), "reserved");
    }

    /// <summary>Chains copy their scratch in and out: sharing it loses results and nothing else.</summary>
    private static void SharedScratch()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, Guest.Write("shared", Chain.Linked(512, 1024, -1)));
        var scratch = GC.AllocateArray<byte>(4096, pinned: true);
        var failures = 0;
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                var request = Chain.Request(pin, follow.Id);
                if (Chain.TryRun(device, ref request, scratch) != 0 || request.Status != XrpStatus.Done || request.Hops != 3)
                    Interlocked.Increment(ref failures);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Check.Equal(0, failures, "failed chains");
    }

    private static void PinWithoutReading()
    {
        using var device = Guest.Device();
        var path = Guest.Write("unread", Chain.Linked(-1));
        foreach (var flags in new[] { 1, 0x200000 }) // write only; a path only
        {
            using var file = Guest.Open(path, flags);
            Check.Equal(BadDescriptor, device.Pin(file, 0, out _), $"open flags {flags}");
        }
    }

    private static void PinOfNoFile()
    {
        using var device = Guest.Device();
        Check.Equal(Invalid, Guest.TryPin(device, "/data"), "a folder");
        Check.Equal(Invalid, Guest.TryPin(device, "/dev/null"), "a character device");
        Check.Equal(Invalid, device.Pin(device.Handle, 0, out _), "the device itself");
        using var none = new SafeFileHandle(12345, ownsHandle: false);
        Check.Equal(BadDescriptor, device.Pin(none, 0, out _), "no descriptor");
    }

    private static void AnotherUser()
    {
        var secret = Guest.Write("secret", Chain.Linked(-1));
        var open = Guest.Write("open", Chain.Linked(-1));
        Guest.ChangeMode(secret, 0x180); // rw for the owner
        Guest.ChangeMode(open, 0x1A4);
        Guest.ChangeMode(XrpCalls.DevicePath, 0x1B6);
        using var follow = Functions.LoadFollow();
        Guest.MustRun("su", "nobody", "-c", $"{Environment.ProcessPath} stranger {secret} {open} {follow.Id}");
        Guest.ChangeMode(XrpCalls.DevicePath, 0x180);
        Guest.MustRun("su", "nobody", "-c", $"{Environment.ProcessPath} shut-out");
    }

    private static void KilledCaller()
    {
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("killed", Chain.Linked(0));
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            using var caller = Start("caller", path, $"{follow.Id}", $"{(uint)where}");
            Check.Equal("begun", caller.StandardOutput.ReadLine(), "the caller's word");
            Kill(caller);
        }
        // Nothing of them holds the file.
        using var file = Guest.OpenForWriting(path);
        Check.Equal(0, Guest.Result(Guest.Truncate(file, 0)), "truncate");
    }

    private static void KilledLoader()
    {
        using var device = Guest.Device();
        using var loader = Start("loader");
        var id = ulong.Parse(loader.StandardOutput.ReadLine()!, System.Globalization.CultureInfo.InvariantCulture);
        var pin = Guest.Pin(device, Guest.Write("orphaned", Chain.Linked(0)));
        var chains = Enum.GetValues<XrpWhere>()
            .Select(where => Underway.Start(device, Chain.Request(pin, id) with { Where = where, ReadsMax = 60_000 })).ToArray();
        Kill(loader);
        foreach (var chain in chains)
            Chain.Ends(XrpStatus.Detached, 108, chain.End());
        Refused(NoEntry, device, Chain.Request(pin, id));
    }

    private static void KilledRing()
    {
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("ring", Chain.Linked(0));
        using var caller = Start("ring-caller", path);
        Check.Equal("begun", caller.StandardOutput.ReadLine(), "the caller's word");
        Kill(caller);
        using var file = Guest.OpenForWriting(path);
        Check.Equal(0, Guest.Result(Guest.Truncate(file, 0)), "truncate");
    }

    private static void Unload()
    {
        using (var device = Guest.Device())
        using (var follow = Functions.LoadFollow())
        {
            var pin = Guest.Pin(device, Guest.Write("load", Chain.Linked(0)));
            var chains = Enum.GetValues<XrpWhere>()
                .Select(where => Underway.Start(device, Chain.Request(pin, follow.Id) with { Where = where, ReadsMax = 300 })).ToArray();
            Check.That(Guest.Run("rmmod", "fathom_xrp") != 0, "the module went under load");
            foreach (var chain in chains)
                Chain.Ends(XrpStatus.HopLimit, 40, chain.End());
        }
        // A function that is closed goes once nobody can be in it any more.
        while (Guest.Run("rmmod", "fathom_xrp") != 0)
            Thread.Yield();
        Check.That(!XrpDevice.IsThere, "the device is still there");
        Guest.MustRun("insmod", "/fathom_xrp.ko");
        using var again = Guest.Device();
        using var loaded = Functions.LoadFollow();
        var linked = Guest.Pin(again, Guest.Write("again", Chain.Linked(-1)));
        Chain.Ends(XrpStatus.Done, 0, Chain.Run(again, Chain.Request(linked, loaded.Id)));
    }

    private static Process Start(string role, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [role, .. arguments]) { RedirectStandardOutput = true })!;

    private static void Kill(Process process)
    {
        process.Kill();
        process.WaitForExit();
        Check.Equal(137, process.ExitCode, "exit code");
    }
}
