using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.KernelGuest;

/// <summary>What others do to a file while chains read it, and files that cannot be read from their device.</summary>
internal static unsafe class FileCases
{
    private const int EndlessReads = 60_000;
    private const int TextBusy = 26;
    private const int NotSupported = 95;

    public static (string Name, Action Body)[] All { get; } =
    [
        ("File_TruncatedUnderAChain_EndsIt", () => ChangedUnderAChain(file => Guest.Truncate(file, 4096), XrpStatus.FileChanged, 1)),
        ("File_PunchedUnderAChain_EndsIt", () => ChangedUnderAChain(file => Guest.Allocate(file, Guest.PunchHole, 8192, 4096), XrpStatus.FileChanged, 2)),
        ("File_CollapsedUnderAChain_EndsIt", () => ChangedUnderAChain(file => Guest.Allocate(file, Guest.CollapseRange, 4096, 4096), XrpStatus.FileChanged, 3)),
        ("File_ZeroedUnderAChain_EndsIt", () => ChangedUnderAChain(file => Guest.Allocate(file, Guest.ZeroRange, 8192, 4096), XrpStatus.FileChanged, 2)),
        ("File_DefragmentedUnderAChain_EndsIt", () => ChangedUnderAChain(MoveExtents, XrpStatus.FileChanged, 2)),
        ("File_AppendedUnderAChain_LetsItGoOn", () => ChangedUnderAChain(Append, XrpStatus.HopLimit, 0)),
        ("File_UnlinkedUnderAChain_EndsIt", UnlinkedUnderAChain),
        ("File_ModeTakenUnderAChain_LetsItGoOn", ModeTakenUnderAChain),
        ("File_ChangedBetweenChains_IsReadAsItIs", ChangedBetweenChains),
        ("File_BufferedWriter_IsSeenByTheNextChain", BufferedWriter),
        ("File_MappedWriter_IsSeenByTheNextChain", MappedWriter),
        ("File_GrowingWhileChainsRun_IsReadWhole", GrowingFile),
        ("File_Hole_IsZerosOrRefused", () => EmptyBlocks(file => Guest.Truncate(file, 65536))),
        ("File_Unwritten_IsZerosOrRefused", () => EmptyBlocks(file => Guest.Allocate(file, 0, 0, 65536))),
        ("File_Inline_IsRefused", () => Check.Equal(NotSupported, WithImage("inline.img", "ext4", TryPinOn), "errno")),
        ("File_Verified_IsRefused", () => Check.Equal(NotSupported, WithImage("small.img", "ext4", Verified), "errno")),
        ("File_Journalled_IsRefused", Journalled),
        ("File_InUseForSwap_IsRefused", Swap),
        ("File_OnTmpfs_IsRefused", () => Check.Equal(NotSupported, TryPinAt("/tmp/file"), "errno")),
        ("File_SmallBlocks_ReadsAcrossExtents", () => WithImage("small.img", "ext4", AcrossExtents)),
        ("File_Xfs_IsReadWhenSealed", () => WithImage("xfs.img", "xfs", OnXfs)),
        ("File_Sealed_KeepsWritersOut", Sealed),
        ("File_SealedWithWriters_IsRefused", SealedWithWriters),
        ("File_BeyondFourGigabytes_IsRead", BeyondFourGigabytes),
        ("File_LastBlockPartly_ShowsOnlyWhatIsThere", ShortEnd),
    ];

    /// <summary>Runs endless chains by each engine and changes their file; they end so, quickly, and the change is not held up.</summary>
    private static void ChangedUnderAChain(Func<SafeFileHandle, int> change, XrpStatus status, uint bits)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var content = new byte[1 << 20];
            BinaryPrimitives.WriteInt64LittleEndian(content, 8192);
            BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(8192), 0);
            var path = Guest.Write("changing", content);
            var pin = Guest.Pin(device, path);
            using var file = Guest.OpenForWriting(path);
            var reads = status == XrpStatus.HopLimit ? 500u : EndlessReads;
            var chain = Underway.Start(device, Chain.Request(pin, follow.Id) with { Where = where, ReadsMax = reads });
            Check.Equal(0, Guest.Result(change(file)), "change");
            var ran = chain.End();
            Check.Equal(status, ran.Status, $"{where}: status after {ran.Hops} hops (code {ran.Code})");
            Check.That((ran.Change & bits) == bits || bits == 0, $"{where}: change {ran.Change}, expected {bits}");
            Check.That(status == XrpStatus.HopLimit || ran.Hops < reads, "the chain ran to its end");
            device.Unpin(pin);
            File.Delete(path);
        }
    }

    private static int Append(SafeFileHandle file)
    {
        var block = new byte[4096];
        for (var i = 0; i < 16; i++)
            RandomAccess.Write(file, block, (1 << 20) + (i * 4096L));
        RandomAccess.FlushToDisk(file);
        return 0;
    }

    /// <summary>Exchanges the file's blocks with those of another one, as e4defrag does.</summary>
    private static int MoveExtents(SafeFileHandle file)
    {
        const nuint MoveExtentNumber = 0xC028660F; // EXT4_IOC_MOVE_EXT
        var path = Path.Combine(Guest.Data, "donor");
        using var donor = Guest.Open(path, 0x42);
        Check.Equal(0, Guest.Result(Guest.Allocate(donor, 0, 0, 1 << 20)), "allocate");
        var request = stackalloc ulong[5]; // reserved and donor descriptor, start, donor start, length, moved
        request[0] = (ulong)donor.DangerousGetHandle() << 32;
        request[3] = (1 << 20) / 4096;
        var result = Guest.Control(file, MoveExtentNumber, (nuint)request);
        File.Delete(path);
        return result;
    }

    private static void UnlinkedUnderAChain()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("unlinked", Chain.Linked(0));
        var pin = Guest.Pin(device, path);
        var chain = Underway.Start(device, Chain.Request(pin, follow.Id) with { ReadsMax = EndlessReads });
        File.Delete(path);
        var ran = chain.End();
        Chain.Ends(XrpStatus.FileChanged, 116, ran);
        Check.Equal(4u, ran.Change, "change");
        // The pin keeps the file: who begins afterwards reads it.
        Chain.Ends(XrpStatus.HopLimit, 40, Chain.Run(device, Chain.Request(pin, follow.Id) with { ReadsMax = 3 }));
    }

    private static void ModeTakenUnderAChain()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("mode", Chain.Linked(0));
        var pin = Guest.Pin(device, path);
        var chain = Underway.Start(device, Chain.Request(pin, follow.Id) with { ReadsMax = 500 });
        Check.Equal(0, Guest.ChangeMode(path, 0), "chmod");
        Chain.Ends(XrpStatus.HopLimit, 40, chain.End()); // a right that was used to open is not taken back, as with read()
    }

    private static void ChangedBetweenChains()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("between", new byte[1 << 16]);
        var pin = Guest.Pin(device, path);
        using var file = Guest.OpenForWriting(path);
        for (var round = 0; round < 20; round++)
        {
            Check.Equal(0, Guest.Result(Guest.Truncate(file, 0)), "truncate");
            var content = Chain.Linked(512, 1024, -1);
            content[1024 + 16] = (byte)round;
            RandomAccess.Write(file, content, 0);
            Chain.Ends(XrpStatus.Done, 0, Chain.Run(device, Chain.Request(pin, follow.Id)));
            Check.Equal(0, Guest.Result(Guest.Allocate(file, Guest.PunchHole, 0, 4096)), "punch");
            Chain.Ends(XrpStatus.HopLimit, 40, Chain.Run(device, Chain.Request(pin, follow.Id) with { ReadsMax = 5 })); // zeros lead to themselves
        }
    }

    private static void BufferedWriter()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("buffered", Chain.Linked(0));
        var pin = Guest.Pin(device, path);
        using var file = Guest.OpenForWriting(path);
        for (var round = 0; round < 50; round++)
        {
            var end = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(end, round % 2 == 0 ? -1 : 0);
            RandomAccess.Write(file, end, 0); // not flushed
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { ReadsMax = 2 });
            Check.Equal(round % 2 == 0 ? XrpStatus.Done : XrpStatus.HopLimit, ran.Status, $"round {round}");
        }
    }

    private static void MappedWriter()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("mapped", Chain.Linked(0));
        var pin = Guest.Pin(device, path);
        using var file = Guest.OpenForWriting(path);
        var map = (long*)Guest.Map(0, 4096, UringCalls.ReadWrite, UringCalls.Shared, file, 0);
        for (var round = 0; round < 50; round++)
        {
            Volatile.Write(ref *map, round % 2 == 0 ? -1 : 0);
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { ReadsMax = 2 });
            Check.Equal(round % 2 == 0 ? XrpStatus.Done : XrpStatus.HopLimit, ran.Status, $"round {round}");
        }
        _ = UringCalls.Unmap((nint)map, 4096);
    }

    private static void GrowingFile()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("growing", Chain.Linked(-1));
        var pin = Guest.Pin(device, path);
        using var file = Guest.OpenForWriting(path);
        for (var blocks = 2; blocks < 40; blocks++)
        {
            // The new block is in the page cache only, and leads to the old ones.
            var block = new byte[4096];
            BinaryPrimitives.WriteInt64LittleEndian(block, (blocks - 2) * 4096L);
            RandomAccess.Write(file, block, (blocks - 1) * 4096L);
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id, (ulong)(blocks - 1) * 4096));
            Chain.Ends(XrpStatus.Done, 0, ran);
            Check.Equal((uint)blocks, ran.Hops, "hops");
        }
    }

    private static void EmptyBlocks(Func<SafeFileHandle, int> make)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("empty", []);
        using var file = Guest.OpenForWriting(path);
        Check.Equal(0, Guest.Result(make(file)), "make");
        var zeros = Guest.Pin(device, path, XrpCalls.PinZeros);
        var ran = Chain.Run(device, Chain.Request(zeros, follow.Id, 8192) with { ReadsMax = 3 });
        Chain.Ends(XrpStatus.HopLimit, 40, ran); // zeros lead to block 0, which leads to itself
        var refused = Guest.Pin(device, path, 0);
        ran = Chain.Run(device, Chain.Request(refused, follow.Id, 8192));
        Chain.Ends(XrpStatus.Hole, 61, ran);
        Check.Equal(8192ul, ran.BlameOffset, "blame");
    }

    private static int TryPinAt(string path)
    {
        File.WriteAllBytes(path, [1, 2, 3]);
        using var device = Guest.Device();
        var errno = Guest.TryPin(device, path);
        File.Delete(path);
        return errno;
    }

    /// <summary>A file under fs-verity: what is read around the page cache is not verified.</summary>
    private static int Verified(string folder)
    {
        const nuint EnableVerity = 0x40806685; // FS_IOC_ENABLE_VERITY
        var path = Path.Combine(folder, "verified");
        File.WriteAllBytes(path, Chain.Linked(-1));
        using var device = Guest.Device();
        using (var file = Guest.Open(path))
        {
            // Version 1, SHA-256, blocks of 1024 bytes; 128 bytes in all.
            var request = stackalloc uint[32];
            new Span<uint>(request, 32).Clear();
            (request[0], request[1], request[2]) = (1, 1, 1024);
            Check.Equal(0, Guest.Result(Guest.Control(file, EnableVerity, (nuint)request)), "verity");
        }
        return Guest.TryPin(device, path);
    }

    /// <summary>A file whose data go through the journal: what its blocks hold is old until the journal has been written to them.</summary>
    private static void Journalled()
    {
        const nuint GetFlags = 0x80086601; // FS_IOC_GETFLAGS
        const nuint SetFlags = 0x40086602; // FS_IOC_SETFLAGS
        const long JournalData = 0x4000; // FS_JOURNAL_DATA_FL
        // ext4 passes over the flag while it puts off where to write.
        Guest.MustRun("mount", "-o", "remount,nodelalloc", Guest.Data);
        try
        {
            using var device = Guest.Device();
            using var follow = Functions.LoadFollow();
            var path = Guest.Write("journalled", Chain.Linked(-1));
            var request = Chain.Request(Guest.Pin(device, path), follow.Id);
            using var file = Guest.OpenForWriting(path);
            var flags = 0L;
            Check.Equal(0, Guest.Result(Guest.Control(file, GetFlags, (nuint)(&flags))), "flags");
            Check.Equal(0, Chain.TryRun(device, ref request), "errno before");
            foreach (var (wanted, errno) in ((long, int)[])[(flags | JournalData, NotSupported), (flags, 0)])
            {
                var set = wanted;
                Check.Equal(0, Guest.Result(Guest.Control(file, SetFlags, (nuint)(&set))), $"flags {wanted:x}");
                Check.Equal(errno, Chain.TryRun(device, ref request), $"errno with flags {wanted:x}");
                Check.Equal(errno, Guest.TryPin(device, path), $"errno of a pin with flags {wanted:x}");
            }
        }
        finally
        {
            Guest.MustRun("mount", "-o", "remount,delalloc", Guest.Data);
        }
    }

    private static void Swap()
    {
        using var device = Guest.Device();
        var path = Guest.Write("swap", new byte[1 << 20]);
        Guest.MustRun("mkswap", path);
        Guest.MustRun("swapon", path);
        Check.Equal(TextBusy, Guest.TryPin(device, path), "errno");
        Guest.MustRun("swapoff", path);
        Check.Equal(0, Guest.TryPin(device, path), "errno afterwards");
    }

    private static int TryPinOn(string folder) => TryPinAt(Path.Combine(folder, "file"));

    /// <summary>Mounts an image that the drive of programs carries, over a loop device.</summary>
    private static T WithImage<T>(string image, string type, Func<string, T> body)
    {
        const string Folder = "/tmp/image";
        Guest.MustRun("modprobe", "loop");
        if (type == "xfs")
            Guest.MustRun("modprobe", type);
        Directory.CreateDirectory(Folder);
        File.Copy(Path.Combine("/app/images", image), Path.Combine(Guest.Data, image), overwrite: true);
        Guest.MustRun("mount", "-o", "loop", "-t", type, Path.Combine(Guest.Data, image), Folder);
        try
        {
            return body(Folder);
        }
        finally
        {
            // Pins go with a worker, shortly after their device was closed.
            while (Guest.Run("umount", Folder) != 0)
                Thread.Yield();
            File.Delete(Path.Combine(Guest.Data, image));
        }
    }

    private static void WithImage(string image, string type, Action<string> body) => WithImage(image, type, folder =>
    {
        body(folder);
        return 0;
    });

    /// <summary>A file whose blocks of 1 KiB alternate with another one's, read 64 KiB at a time.</summary>
    private static void AcrossExtents(string folder)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var content = new byte[1 << 20]; // ext4 sets aside some KiB at a time for who writes on
        BinaryPrimitives.WriteInt64LittleEndian(content, 65536);
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(8), 65536);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(65536), -1);
        var path = Path.Combine(folder, "pieces");
        using (var file = Guest.Open(path, 0x42))
        using (var other = Guest.Open(Path.Combine(folder, "other"), 0x42))
        {
            for (var at = 0; at < content.Length; at += 1024)
            {
                RandomAccess.Write(file, content.AsSpan(at, 1024), at);
                RandomAccess.FlushToDisk(file);
                RandomAccess.Write(other, content.AsSpan(at, 1024), at);
                RandomAccess.FlushToDisk(other);
            }
        }
        using var opened = Guest.Open(path);
        var request = new XrpPin { Descriptor = (int)opened.DangerousGetHandle(), Flags = XrpCalls.PinZeros };
        Check.Equal(0, LinuxFiles.ControlDevice(device.Handle, XrpCalls.Pin, &request), "pin");
        Check.That(request.Extents > 16, $"the file lies in {request.Extents} pieces");
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(request.File, follow.Id, 0, 65536) with { Where = where });
            Chain.Ends(XrpStatus.Done, 0, ran);
            Check.Equal(131072ul, ran.Bytes, "bytes");
        }
    }

    private static void OnXfs(string folder)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Path.Combine(folder, "file");
        File.WriteAllBytes(path, Chain.Linked(512, -1));
        Check.Equal(NotSupported, Guest.TryPin(device, path), "errno without a seal");
        var pin = Guest.Pin(device, path, XrpCalls.PinSeal);
        Chain.Ends(XrpStatus.Done, 0, Chain.Run(device, Chain.Request(pin, follow.Id)));
        device.Unpin(pin);
    }

    private static void Sealed()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var path = Guest.Write("sealed", Chain.Linked(-1));
        var pin = Guest.Pin(device, path, XrpCalls.PinSeal);
        Check.That(LinuxFiles.Open(path, 2, 0) < 0, "a sealed file opens for writing");
        Check.Equal(TextBusy, Marshal.GetLastPInvokeError(), "errno");
        Chain.Ends(XrpStatus.Done, 0, Chain.Run(device, Chain.Request(pin, follow.Id)));
        device.Unpin(pin);
        // The seal goes with a worker.
        int descriptor;
        while ((descriptor = LinuxFiles.Open(path, 2, 0)) < 0)
            Check.Equal(TextBusy, Marshal.GetLastPInvokeError(), "errno");
        _ = UringCalls.Close(descriptor);
    }

    private static void SealedWithWriters()
    {
        using var device = Guest.Device();
        var path = Guest.Write("written", Chain.Linked(-1));
        using var writer = Guest.OpenForWriting(path);
        Check.Equal(TextBusy, Guest.TryPin(device, path, XrpCalls.PinSeal), "errno");
    }

    private static void BeyondFourGigabytes()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        const long Far = 5L << 30;
        var path = Guest.Write("far", Chain.Linked(Far));
        using (var file = Guest.OpenForWriting(path))
        {
            RandomAccess.Write(file, Chain.Linked(Far + 512, -1), Far);
            RandomAccess.FlushToDisk(file);
        }
        var pin = Guest.Pin(device, path);
        var ran = Chain.Run(device, Chain.Request(pin, follow.Id));
        Chain.Ends(XrpStatus.Done, 0, ran);
        Check.Equal(3u, ran.Hops, "hops");
        File.Delete(path);
    }

    private static void ShortEnd()
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var content = new byte[512 + 20];
        BinaryPrimitives.WriteInt64LittleEndian(content, 512);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(512), -1);
        var pin = Guest.Pin(device, Guest.Write("short", content));
        var ran = Chain.Run(device, Chain.Request(pin, follow.Id));
        Chain.Ends(XrpStatus.Done, 0, ran);
        Check.Equal(532ul, ran.Bytes, "bytes");
        // The function asks for 16 bytes of a block that has 10.
        pin = Guest.Pin(device, Guest.Write("shorter", content.AsSpan(0, 522)));
        Chain.Ends(XrpStatus.FunctionError, -7, Chain.Run(device, Chain.Request(pin, follow.Id)));
    }
}
