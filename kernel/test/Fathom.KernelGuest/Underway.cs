using Fathom.Storage.Kernel;
using Fathom.Storage.Native;

namespace Fathom.KernelGuest;

/// <summary>Chains that run on threads of their own while a case does something to their file.</summary>
internal sealed class Underway
{
    private readonly Thread _thread;
    private readonly byte[] _scratch = GC.AllocateArray<byte>(64, pinned: true);
    private readonly int _descriptor;
    private XrpRead _request;
    private int _errno;
    private string? _task;
    private long _ticksBefore;

    private Underway(XrpDevice device, XrpRead request)
    {
        _request = request;
        _descriptor = (int)device.Handle.DangerousGetHandle();
        _thread = new Thread(() =>
        {
            var task = $"/proc/self/task/{File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false)!.Name}";
            _ticksBefore = KernelTicks(task);
            Volatile.Write(ref _task, task);
            _errno = Chain.TryRun(device, ref _request, _scratch);
        });
        _thread.Start();
    }

    /// <summary>Starts a chain and comes back when it is in the kernel: waiting for a read or a worker, or polling.</summary>
    public static Underway Start(XrpDevice device, XrpRead request)
    {
        var chain = new Underway(device, request);
        while (chain._thread.IsAlive && !chain.IsInCall())
            Thread.Yield();
        return chain;
    }

    /// <summary>Waits for the chain.</summary>
    public XrpRead End()
    {
        _thread.Join();
        Check.Equal(0, _errno, "read");
        return _request;
    }

    /// <summary>Whether the thread is in an ioctl (number 16) on the descriptor; who runs, not waits, shows it by the kernel's time it has used.</summary>
    private bool IsInCall()
    {
        if (Volatile.Read(ref _task) is not { } task)
            return false;
        try
        {
            var call = File.ReadAllText(Path.Combine(task, "syscall"));
            return call.StartsWith($"16 0x{_descriptor:x} ", StringComparison.Ordinal)
                || (call.StartsWith("running", StringComparison.Ordinal) && KernelTicks(task) > _ticksBefore + 1);
        }
        catch (IOException)
        {
            return false; // the thread is gone
        }
    }

    /// <summary>Clock ticks that a thread has spent in the kernel.</summary>
    private static long KernelTicks(string task)
    {
        var stat = File.ReadAllText(Path.Combine(task, "stat"));
        return long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[12], System.Globalization.CultureInfo.InvariantCulture);
    }
}
