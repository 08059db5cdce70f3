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

    private Underway(XrpDevice device, XrpRead request)
    {
        _request = request;
        _descriptor = (int)device.Handle.DangerousGetHandle();
        _thread = new Thread(() => _errno = Chain.TryRun(device, ref _request, _scratch));
        _thread.Start();
    }

    /// <summary>Starts a chain and comes back when it waits in the kernel for a read, or for a worker.</summary>
    public static Underway Start(XrpDevice device, XrpRead request)
    {
        var chain = new Underway(device, request);
        // The thread is inside the ioctl once the kernel says so.
        while (chain._thread.IsAlive && !IsInCall(chain._descriptor))
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

    /// <summary>Whether a thread of this process is in an ioctl (number 16) on the descriptor.</summary>
    private static bool IsInCall(int descriptor)
    {
        foreach (var task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(task, "syscall")).StartsWith($"16 0x{descriptor:x} ", StringComparison.Ordinal))
                    return true;
            }
            catch (IOException)
            {
                // The thread is gone.
            }
        }
        return false;
    }
}
