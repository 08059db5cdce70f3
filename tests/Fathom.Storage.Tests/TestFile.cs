using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Fathom.Storage.Tests;

/// <summary>A file for one test, on the disk that holds the test's outputs, so that it is read directly where that can be.</summary>
internal sealed partial class TestFile : IDisposable
{
    public const int BlockBytes = 512;

    private const int KeepSize = 1; // FALLOC_FL_KEEP_SIZE
    private const int PunchHole = 2;
    private const int CollapseRange = 8;
    private const int InsertRange = 0x20;

    private TestFile(string path) => Path = path;

    public string Path { get; }

    public static TestFile Create(ReadOnlySpan<byte> content, string? folder = null)
    {
        var path = System.IO.Path.Combine(folder ?? AppContext.BaseDirectory, $"storage-{Guid.NewGuid():n}.bin");
        using var stream = new FileStream(path, FileMode.CreateNew);
        stream.Write(content);
        stream.Flush(flushToDisk: true);
        return new TestFile(path);
    }

    /// <summary>Blocks whose first eight bytes are the offset of the next block to read; -1 ends the chain.</summary>
    public static TestFile CreateLinked(params ReadOnlySpan<long> next) => CreateLinked(BlockBytes, next);

    public static TestFile CreateLinked(int blockBytes, ReadOnlySpan<long> next)
    {
        var content = new byte[next.Length * blockBytes];
        for (var i = 0; i < next.Length; i++)
        {
            content.AsSpan(i * blockBytes, blockBytes).Fill((byte)i);
            BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(i * blockBytes), next[i]);
        }
        return Create(content);
    }

    public static TestFile CreateRandom(int bytes, int seed)
    {
        var content = new byte[bytes];
        new Random(seed).NextBytes(content);
        return Create(content);
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.Write(handle, data, offset);
        RandomAccess.FlushToDisk(handle);
    }

    public void Truncate(long length)
    {
        using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.SetLength(handle, length);
    }

    public void Punch(long offset, long length) => Allocate(PunchHole | KeepSize, offset, length);

    public void Collapse(long offset, long length) => Allocate(CollapseRange, offset, length);

    public void Insert(long offset, long length) => Allocate(InsertRange, offset, length);

    /// <summary>Gives the file blocks without writing them.</summary>
    public void Preallocate(long offset, long length) => Allocate(0, offset, length);

    /// <summary>Moves the content to other blocks of the drive, as e4defrag does; the content stays.</summary>
    public void Defragment(long length)
    {
        const nuint MoveExtents = 0xC028660F; // EXT4_IOC_MOVE_EXT
        const int BlockBytes = 4096;
        const int NotNeeded = 4; // POSIX_FADV_DONTNEED
        Skip.IfNot(OperatingSystem.IsLinux(), "Moving extents is a call of Linux's ext4.");
        using var donor = new TestFile(Path + ".donor");
        File.WriteAllBytes(donor.Path, []);
        donor.Preallocate(0, length);
        using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        using var other = File.OpenHandle(donor.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        // Pages in memory that are not given up keep their blocks.
        _ = Advise(handle, 0, 0, NotNeeded);
        var move = new ExtentMove { Donor = (uint)other.DangerousGetHandle(), Blocks = (ulong)length / BlockBytes };
        Skip.If(Control(handle, MoveExtents, ref move) != 0, "The file system does not move extents.");
        RandomAccess.FlushToDisk(handle);
    }

    public void Dispose() => File.Delete(Path);

    private void Allocate(int mode, long offset, long length)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "fallocate is a Linux call.");
        using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        const int NotSupported = 95;
        if (Allocate(handle, mode, offset, length) != 0)
            Skip.If(Marshal.GetLastPInvokeError() == NotSupported, "The file system cannot do this to a file.");
        RandomAccess.FlushToDisk(handle);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ExtentMove
    {
        public uint Reserved;
        public uint Donor;
        public ulong From;
        public ulong DonorFrom;
        public ulong Blocks;
        public ulong Moved;
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(SafeHandle file, nuint request, ref ExtentMove move);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeHandle file, long offset, long length, int advice);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Allocate(SafeHandle file, int mode, long offset, long length);
}
