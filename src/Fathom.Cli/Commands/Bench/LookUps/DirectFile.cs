using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>Opens a file for the methods that use no storage functions: the base class library has no O_DIRECT.</summary>
internal static class DirectFile
{
    /// <exception cref="CommandException">The file cannot be opened so.</exception>
    public static SafeFileHandle Open(string path, bool isCached)
    {
        const int CloseOnExec = 0x80000;
        var direct = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;
        var descriptor = OpenFile(path, CloseOnExec | (isCached ? 0 : direct), 0);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new CommandException($"{path} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressMessage("Interoperability", "SYSLIB1054:Use LibraryImport", Justification = "LibraryImport would need unsafe code here.")]
    private static extern int OpenFile([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);
}
