using System.Runtime.InteropServices;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Kernel;

/// <summary>The module's device: pins files and runs chains over them.</summary>
/// <remarks>Any thread may call it. Owned by its engine; pins end with it.</remarks>
internal sealed unsafe class XrpDevice : IDisposable
{
    private const int OpenReadWrite = 2;

    private XrpDevice(SafeFileHandle handle) => Handle = handle;

    /// <summary>The open device.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Whether this system has the device at all.</summary>
    public static bool IsThere => OperatingSystem.IsLinux() && File.Exists(XrpCalls.DevicePath);

    /// <summary>Opens the device; null with the reason when it cannot be used.</summary>
    public static XrpDevice? TryOpen(out string refusal)
    {
        refusal = "";
        if (!OperatingSystem.IsLinux())
        {
            refusal = "the module is for Linux";
            return null;
        }
        var handle = new SafeFileHandle(LinuxFiles.Open(XrpCalls.DevicePath, OpenReadWrite | LinuxFiles.CloseOnExec, 0), ownsHandle: true);
        var errno = handle.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        XrpLimits info = default;
        if (errno == 0)
            errno = Call(handle, XrpCalls.Info, &info);
        if (errno != 0)
            refusal = $"{XrpCalls.DevicePath} cannot be used: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";
        else if (info.Version != XrpCalls.Version)
            refusal = $"the module is of version {info.Version}, not {XrpCalls.Version}";
        else
            return new XrpDevice(handle);
        handle.Dispose();
        return null;
    }

    /// <summary>Pins a file.</summary>
    /// <returns>0, or the errno.</returns>
    public int Pin(SafeFileHandle file, uint flags, out uint pin)
    {
        // SAFETY: the caller holds the handle open for the call.
        var request = new XrpPin { Descriptor = (int)file.DangerousGetHandle(), Flags = flags };
        var errno = Call(Handle, XrpCalls.Pin, &request);
        pin = request.File;
        return errno;
    }

    /// <summary>Chains in flight keep the file; later ones find no pin.</summary>
    public void Unpin(uint pin)
    {
        if (!Handle.IsClosed)
            _ = Call(Handle, XrpCalls.Unpin, &pin); // the pin is gone either way
    }

    /// <summary>Runs a chain and waits for it.</summary>
    /// <returns>0, then the results are set; or the errno.</returns>
    public int Run(ref XrpRead request)
    {
        fixed (XrpRead* pinned = &request)
            return Call(Handle, XrpCalls.Read, pinned);
    }

    /// <summary>Ends the chain whose request lies there, if it has not ended by itself.</summary>
    public void Cancel(XrpRead* request) => _ = Call(Handle, XrpCalls.Cancel, request);

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private static int Call(SafeFileHandle handle, nuint number, void* argument) =>
        // SAFETY: the structure is what the number stands for, and outlives the call.
        LinuxFiles.ControlDevice(handle, number, argument) < 0 ? Marshal.GetLastPInvokeError() : 0;
}
