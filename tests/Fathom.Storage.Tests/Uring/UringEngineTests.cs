using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Fathom.Storage.Uring;

namespace Fathom.Storage.Tests.Uring;

/// <summary>What only the engine over io_uring has: rings, batches in one system call, falling back.</summary>
public partial class UringEngineTests
{
    private const string ChildVariable = "FATHOM_TEST_STORAGE_CHILD";

    [SkippableFact]
    public void Choice_SaysWhatTheKernelGranted()
    {
        using var engine = Engines.Start(EngineKind.Uring);
        Assert.Equal(EngineKind.Uring, engine.Choice.Kind);
        Assert.Contains("completions", engine.Choice.Reason, StringComparison.Ordinal);
        Assert.Contains("buffers", engine.Choice.Reason, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void BatchOfLookUps_TakesFewerSystemCallsThanReads()
    {
        using var engine = Engines.Start(EngineKind.Uring);
        using var content = TestFile.CreateLinked(512, 1024, 1536, 2048, 2560, -1);
        using var file = engine.Open(content.Path, new StorageFileOptions { Direct = DirectReads.Never });
        var requests = new ChainRequest[640];
        Array.Fill(requests, new ChainRequest(file, Engines.Follow, 0, 512, default));
        var results = new ChainResult[640];
        engine.RunBatch(requests, results);
        var counters = engine.Counters;
        Assert.Equal(640 * 6, counters.Reads);
        Assert.InRange(counters.SystemCalls, 1, counters.Reads / 4);
    }

    [SkippableFact]
    public void Batch_AllocatesNothing()
    {
        using var engine = Engines.Start(EngineKind.Uring);
        using var content = TestFile.CreateLinked(512, 1024, -1);
        using var file = engine.Open(content.Path);
        var requests = new ChainRequest[256];
        for (var i = 0; i < requests.Length; i++)
            requests[i] = new ChainRequest(file, Engines.Follow, 0, 512, new byte[64]);
        var results = new ChainResult[requests.Length];
        Assert.Equal(0, Allocations.OfWarm(() => engine.RunBatch(requests, results), rounds: 10));
    }

    [SkippableFact]
    public void RingWithFewBlocks_RunsWideChainsOfLargeReadsAnyway()
    {
        using var engine = Engines.Start(EngineKind.Uring, options => options with { RingBufferBytes = 128 << 10 });
        using var content = TestFile.CreateRandom(2 << 20, 6);
        using var file = engine.Open(content.Path);
        var wide = Engines.Function(static (ref context, data, scratch) =>
        {
            for (var i = 0; i < 16 && context.Hop == 0; i++)
                context.Read(i, (ulong)i * 65536, i % 2 == 0 ? 65536u : 512u);
            context.Done = context.Hop == 16 ? 1u : 0;
            return 0;
        });
        var requests = new ChainRequest[50];
        Array.Fill(requests, new ChainRequest(file, wide, 0, 512, default));
        var results = new ChainResult[50];
        engine.RunBatch(requests, results);
        Assert.All(results, result => Assert.Equal((ChainStatus.Done, 17), (result.Status, result.Hops)));
    }

    [SkippableFact]
    public void Loop_CompletionsOutOfOrder_GiveEveryBlockBack()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        using var loop = UringLoop.TryCreate(Engines.Options(EngineKind.Uring), out var refusal);
        Skip.If(loop is null, refusal);
        using var engine = Engines.Start(EngineKind.Uring);
        using var content = TestFile.CreateRandom(1 << 20, 7);
        using var file = engine.Open(content.Path);
        var random = Engines.Function(static (ref context, data, scratch) =>
        {
            for (var i = 0; i < 16 && context.ReadsPending < 100; i++)
                context.Read(i, (ulong)(data[i] * 512), 512u << (data[i] % 8));
            context.Done = context.Hop == data[20] % 40 ? 1u : 0;
            return 0;
        });
        var results = new ChainResult[500];
        loop.RunAll([.. Enumerable.Range(0, 500).Select(i => new ChainRequest(file, random, i * 512, 512, default))], results);
        Assert.All(results, result => Assert.Contains(result.Status, new[] { ChainStatus.Done, ChainStatus.HopLimit, ChainStatus.Stalled }));
        for (var i = 0; i < 1000 && loop.BlocksInUse > 0; i++)
            loop.Turn();
        Assert.Equal(0, loop.BlocksInUse);
    }

    /// <summary>A filter makes the system refuse io_uring to a child process, as container runtimes do.</summary>
    [SkippableTheory]
    [InlineData(1)] // EPERM
    [InlineData(38)] // ENOSYS
    public async Task KernelThatRefusesRings_LeavesThreadsAndSaysWhy(int errno)
    {
        Skip.IfNot(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "The filter is written for x64.");
        if (Environment.GetEnvironmentVariable(ChildVariable) is { } asked)
        {
            if (asked == errno.ToString(CultureInfo.InvariantCulture))
                RunWithoutRings(errno);
            return;
        }
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [ChildVariable] = errno.ToString(CultureInfo.InvariantCulture) },
        };
        foreach (var argument in (string[])
            ["test", typeof(UringEngineTests).Assembly.Location, "--nologo", "--filter", $"FullyQualifiedName~{nameof(KernelThatRefusesRings_LeavesThreadsAndSaysWhy)}"])
            start.ArgumentList.Add(argument);
        // The outer run's settings must not reach the inner one.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase) || k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        var output = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();
        Assert.True(child.ExitCode == 0, output + await errors);
    }

    private static void RunWithoutRings(int errno)
    {
        RefuseRings(errno);
        var failure = Assert.Throws<StorageEngineException>(() => StorageEngine.Start(new() { Kind = EngineKind.Uring }));
        Assert.Contains($"errno {errno}", failure.Reason, StringComparison.Ordinal);
        using var content = TestFile.CreateLinked(512, -1);
        using var file = StorageFile.Open(content.Path);
        Assert.Equal(EngineKind.Threads, file.Engine.Choice.Kind);
        Assert.Contains($"errno {errno}", file.Engine.Choice.Reason, StringComparison.Ordinal);
        Assert.True(file.Engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone);
    }

    /// <summary>seccomp: number 425 returns an error on this thread, everything else goes on.</summary>
    private static unsafe void RefuseRings(int errno)
    {
        const int SetNoNewPrivileges = 38;
        const int SetSeccomp = 22;
        const nint Filter = 2;
        var instructions = stackalloc ulong[4]
        {
            Instruction(0x20, 0, 0, 0), // load the system call's number
            Instruction(0x15, 0, 1, 425), // io_uring_setup?
            Instruction(0x06, 0, 0, 0x00050000u | (uint)errno), // then return the errno
            Instruction(0x06, 0, 0, 0x7fff0000), // else allow
        };
        var program = stackalloc nint[2] { 4, (nint)instructions };
        Assert.Equal(0, Control(SetNoNewPrivileges, 1, 0, 0, 0));
        Assert.Equal(0, Control(SetSeccomp, Filter, (nint)program, 0, 0));

        static ulong Instruction(ushort code, byte whenTrue, byte whenFalse, uint value) =>
            code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)value << 32);
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(int option, nint second, nint third, nint fourth, nint fifth);
}
