using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fathom.Memory;

/// <summary>Anonymous pages straight from the system: zeroed when first touched, and gone when they are given back.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class SystemPages
{
    private const int Read = 1;
    private const int Write = 2;
    private const int Execute = 4;
    private const int PrivateAnonymous = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
    private const int HugePage = 14; // MADV_HUGEPAGE
    private const nint Failed = -1;

    /// <returns>The first page, readable and writable; zero when the system refuses, with the reason as the last P/Invoke error.</returns>
    public static nint Map(nuint bytes) => Map(0, bytes, Read | Write, PrivateAnonymous, -1, 0) is var pages && pages == Failed ? 0 : pages;

    /// <summary>Makes pages executable and no longer writable; false, as above, when the system refuses.</summary>
    public static bool TryMakeExecutable(nint pages, nuint bytes) => Protect(pages, bytes, Read | Execute) == 0;

    /// <summary>Only advice: a refusal changes speed, nothing else.</summary>
    public static void AdviseHuge(nint pages, nuint bytes) => _ = Advise(pages, bytes, HugePage);

    public static bool Unmap(nint pages, nuint bytes) => UnmapPages(pages, bytes) == 0;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Protect(nint address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int UnmapPages(nint address, nuint bytes);
}
