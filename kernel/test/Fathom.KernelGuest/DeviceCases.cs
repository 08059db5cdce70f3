using System.Buffers.Binary;
using System.Diagnostics;
using Fathom.Storage.Native;

namespace Fathom.KernelGuest;

/// <summary>Devices of other kinds, and devices that fail.</summary>
internal static unsafe class DeviceCases
{
    private const int InputOutput = 5;

    public static (string Name, Action Body)[] All { get; } =
    [
        ("Device_RawDrive_IsRead", () => LinkedOn(Guest.Drive("raw"), 512)),
        ("Device_Partition_IsReadFromItsStart", Partition),
        ("Device_Loop_IsRead", Loop),
        ("Device_NullBlk_CompletingAtOnce_IsRead", () => WithNullBlk(0, 64, 512, path => LinkedOn(path, 512))),
        ("Device_NullBlk_CompletingInSoftirq_IsRead", () => WithNullBlk(1, 64, 512, path => LinkedOn(path, 512))),
        ("Device_NullBlk_CompletingByTimer_IsRead", () => WithNullBlk(2, 64, 512, path => LinkedOn(path, 512))),
        ("Device_NullBlk_CompletingWhenPolled_IsRead", () => WithNullBlk(2, 64, 512, path => Polled(path, 64), polled: true)),
        ("Device_NullBlk_PolledWithDepthTwo_IsRead", () => WithNullBlk(2, 2, 512, path => Polled(path, 2), polled: true)),
        ("Device_QueueOfDepthTwo_ServesManyChains", () => WithNullBlk(2, 2, 512, ManyChains)),
        ("Device_BlocksOf4KiB_RefusesSmallerReads", () => WithNullBlk(1, 64, 4096, BlocksOf4KiB)),
        ("Device_MediumError_EndsTheChain", MediumError),
        ("Device_ThatDoesNotAnswer_EndsTheChainAtItsDeadline", Unanswered),
        ("Device_TakenAway_EndsChains", TakenAway),
    ];

    /// <summary>Writes three linked blocks at the start of a device and follows them by each engine.</summary>
    private static void LinkedOn(string path, uint size)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        WriteLinked(path, size);
        var pin = Guest.Pin(device, path);
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id, 0, size) with { Where = where });
            Chain.Ends(XrpStatus.Done, 0, ran);
            Check.Equal(3u, ran.Hops, "hops");
            ran = Chain.Run(device, Chain.Request(pin, follow.Id, 1ul << 50, size) with { Where = where });
            Chain.Ends(XrpStatus.OutOfFile, 34, ran);
        }
    }

    private static void WriteLinked(string path, uint size)
    {
        var content = new byte[3 * size];
        for (var i = 0; i < 3; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(i * (int)size), i < 2 ? (i + 1) * size : -1);
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan((i * (int)size) + 8), size);
        }
        using var drive = Guest.OpenForWriting(path);
        RandomAccess.Write(drive, content, 0);
        RandomAccess.FlushToDisk(drive);
    }

    private static void Partition()
    {
        const int Start = 2048;
        const int ReadPartitions = 0x125F; // BLKRRPART
        var drive = Guest.Drive("raw");
        using (var whole = Guest.OpenForWriting(drive))
        {
            var record = new byte[512];
            record[446 + 4] = 0x83;
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(446 + 8), Start);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(446 + 12), 4096);
            (record[510], record[511]) = (0x55, 0xAA);
            RandomAccess.Write(whole, record, 0);
            RandomAccess.FlushToDisk(whole);
            Check.Equal(0, Guest.Result(Guest.Control(whole, ReadPartitions, 0)), "partitions");
        }
        LinkedOn($"{drive}p1", 512);
        using var read = Guest.Open(drive);
        var first = new byte[16];
        RandomAccess.Read(read, first, Start * 512);
        Check.Equal(512L, BinaryPrimitives.ReadInt64LittleEndian(first), "first block of the partition");
    }

    private static void Loop()
    {
        var path = Guest.Write("loop", new byte[1 << 20]);
        var loop = FreeLoop();
        Guest.MustRun("losetup", loop, path);
        LinkedOn(loop, 512);
        Guest.MustRun("losetup", "-d", loop);
        File.Delete(path);
    }

    private static string FreeLoop()
    {
        Guest.MustRun("modprobe", "loop");
        using var control = Guest.OpenForWriting("/dev/loop-control");
        return $"/dev/loop{Guest.Control(control, 0x4C82, 0)}"; // LOOP_CTL_GET_FREE
    }

    private static void WithNullBlk(int completion, int depth, int blockBytes, Action<string> body, bool polled = false)
    {
        const string Config = "/tmp/config";
        Guest.MustRun("modprobe", "configfs");
        Guest.MustRun("modprobe", "null_blk", "nr_devices=0");
        Directory.CreateDirectory(Config);
        if (!Directory.Exists($"{Config}/nullb"))
            Check.Equal(0, Guest.Result(Guest.Mount("none", Config, "configfs", 0, "")), "configfs");
        const string Name = "fathom_null"; // the device is called after its folder
        const string Folder = $"{Config}/nullb/{Name}";
        Directory.CreateDirectory(Folder);
        try
        {
            foreach (var (name, value) in new[]
                     {
                         ("memory_backed", 1), ("size", 16), ("irqmode", completion), ("hw_queue_depth", depth), ("blocksize", blockBytes), ("submit_queues", 1),
                         ("poll_queues", polled ? 1 : 0), ("completion_nsec", 20000), ("power", 1),
                     })
                File.WriteAllText($"{Folder}/{name}", $"{value}\n");
            body($"/dev/{Name}");
        }
        finally
        {
            Directory.Delete(Folder);
        }
    }

    /// <summary>
    /// Reads of a polled queue complete for who polls, for nobody else: chains that are waited for poll, by twos and by sixteen; those that are not, do not.
    /// </summary>
    private static void Polled(string path, int depth)
    {
        LinkedOn(path, 512);
        using var device = Guest.Device();
        using var fan = Functions.Load(Functions.FanOutText, "fan_out");
        using var first = Functions.Load(Functions.FirstOfManyText, "first_of_many");
        var pin = Guest.Pin(device, path);
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(pin, fan.Id, 0, 4096) with { Where = where }, new byte[8]);
            Chain.Ends(XrpStatus.Done, 0, ran);
            Check.Equal(17u, ran.Hops, $"{where}: hops at depth {depth}");
            if (where is XrpWhere.Auto or XrpWhere.Task)
                Check.Equal(1u << (int)XrpWhere.Task, ran.Ran, $"{where}: where steps ran");
            // It ends with fourteen reads on their way; whoever leaves sees to it that they end, or the drive could not be removed.
            Chain.Ends(XrpStatus.Done, 0, Chain.Run(device, Chain.Request(pin, first.Id, 0, 4096) with { Where = where }, new byte[8]));
        }
        ManyChains(path);
    }

    private static void ManyChains(string path)
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        using var fan = Functions.Load(Functions.FanOutText, "fan_out");
        WriteLinked(path, 512);
        var pin = Guest.Pin(device, path);
        var failures = 0;
        var threads = Enumerable.Range(0, 6).Select(number => new Thread(() =>
        {
            for (var i = 0; i < 40; i++)
            {
                var where = (XrpWhere)((number + i) % 4);
                var walk = Chain.Request(pin, follow.Id) with { Where = where };
                if (Chain.TryRun(device, ref walk) != 0 || walk.Status != XrpStatus.Done)
                    Interlocked.Increment(ref failures);
                var spread = Chain.Request(pin, fan.Id, 0, 4096) with { Where = where };
                if (Chain.TryRun(device, ref spread, new byte[8]) != 0 || spread.Status != XrpStatus.Done || spread.Hops != 17)
                    Interlocked.Increment(ref failures);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Check.Equal(0, failures, "failed chains");
    }

    private static void BlocksOf4KiB(string path)
    {
        LinkedOn(path, 4096);
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        var pin = Guest.Pin(device, path);
        Chain.Ends(XrpStatus.Misaligned, 22, Chain.Run(device, Chain.Request(pin, follow.Id)));
    }

    /// <summary>A drive of scsi_debug: with fault bits, and the sector 0x1234 that cannot be read.</summary>
    private static void WithScsi(string options, Action<string> body)
    {
        Guest.MustRun("modprobe", "sd_mod");
        Guest.MustRun("modprobe", ["scsi_debug", "dev_size_mb=16", .. options.Split(' ')]);
        try
        {
            body(ScsiDrive());
        }
        finally
        {
            while (Guest.Run("rmmod", "scsi_debug") != 0)
                Thread.Yield();
        }
    }

    private static string ScsiDrive()
    {
        while (true)
        {
            var found = Directory.GetDirectories("/sys/block", "sd*").Select(Path.GetFileName).FirstOrDefault();
            if (found is not null && File.Exists($"/dev/{found}"))
                return $"/dev/{found}";
            Thread.Yield(); // the bus is scanned by a worker
        }
    }

    private static void MediumError() => WithScsi("opts=2", path =>
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        WriteLinkedTo(path, 0x1234 * 512);
        var pin = Guest.Pin(device, path);
        foreach (var where in Enum.GetValues<XrpWhere>())
        {
            var ran = Chain.Run(device, Chain.Request(pin, follow.Id) with { Where = where });
            Check.Equal(XrpStatus.ReadError, ran.Status, $"status (code {ran.Code})");
            Check.That(ran.Code is InputOutput or 61, $"code {ran.Code}"); // EIO, or ENODATA for a medium error
            Check.Equal(0x1234ul * 512, ran.BlameOffset, "blame");
            Check.Equal(1u, ran.Hops, "hops");
        }
    });

    private static void WriteLinkedTo(string path, long next)
    {
        using var drive = Guest.OpenForWriting(path);
        RandomAccess.Write(drive, Chain.Linked(next), 0);
        RandomAccess.FlushToDisk(drive);
    }

    /// <summary>Every command is swallowed for a while: the chain ends in time, its read later, and nothing is left behind.</summary>
    private static void Unanswered() => WithScsi("delay=0", path =>
    {
        using var device = Guest.Device();
        using var follow = Functions.LoadFollow();
        WriteLinkedTo(path, 0);
        var pin = Guest.Pin(device, path);
        var name = Path.GetFileName(path);
        File.WriteAllText($"/sys/block/{name}/device/timeout", "2\n");
        // Option 4 loses commands; every command is the n-th.
        File.WriteAllText("/sys/bus/pseudo/drivers/scsi_debug/every_nth", "1\n");
        File.WriteAllText("/sys/bus/pseudo/drivers/scsi_debug/opts", "4\n");
        var clock = Stopwatch.StartNew();
        foreach (var where in new[] { XrpWhere.Auto, XrpWhere.Worker })
            Chain.Ends(XrpStatus.Deadline, 62, Chain.Run(device, Chain.Request(pin, follow.Id) with { DeadlineMs = 100, Where = where }));
        Check.That(clock.Elapsed < TimeSpan.FromSeconds(10), "the deadline was not kept");
        File.WriteAllText("/sys/bus/pseudo/drivers/scsi_debug/opts", "0\n");
        File.WriteAllText("/sys/bus/pseudo/drivers/scsi_debug/every_nth", "0\n");
        // The drive's own time-out gives the lost reads back; then it works again.
        var after = Chain.Run(device, Chain.Request(pin, follow.Id) with { ReadsMax = 5 });
        Check.That(after.Status is XrpStatus.HopLimit or XrpStatus.ReadError, $"{after.Status}");
    });

    private static void TakenAway()
    {
        var failures = 0;
        WithScsi("opts=0", path =>
        {
            using var device = Guest.Device();
            using var follow = Functions.LoadFollow();
            WriteLinkedTo(path, 0);
            var pin = Guest.Pin(device, path);
            var chains = Enum.GetValues<XrpWhere>()
                .Select(where => Underway.Start(device, Chain.Request(pin, follow.Id) with { Where = where, ReadsMax = 60_000 })).ToArray();
            File.WriteAllText($"/sys/block/{Path.GetFileName(path)}/device/delete", "1\n");
            foreach (var chain in chains)
            {
                var ran = chain.End();
                if (ran.Status is not (XrpStatus.ReadError or XrpStatus.FileChanged or XrpStatus.OutOfFile))
                {
                    Console.WriteLine($"{ran.Status} {ran.Code}");
                    failures++;
                }
            }
        });
        Check.Equal(0, failures, "chains that ended otherwise");
    }
}
