using System.Security.Cryptography;
using Fathom.Memory;
using Fathom.Storage;
using Fathom.Storage.Files;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.Tiers;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Tiering.BlockLog;

/// <summary>The log's one file: whole units read and written past the page cache where the file system can, and chains of reads over it.</summary>
/// <remarks>Held by one process at a time. Any thread may read; one thread at a time writes a given unit. Memory is aligned to 4096 bytes.</remarks>
internal sealed class LogFile : IDisposable
{
    /// <summary>Everything in the file begins at a multiple of this, and is as long.</summary>
    public const int UnitBytes = 4096;

    private readonly SafeFileHandle _held; // locks the file
    private readonly SafeFileHandle _handle;
    private StorageEngine? _engine; // when it is not the file's own

    private LogFile(SafeFileHandle held, SafeFileHandle handle, StorageFile chains, LogHeader header)
    {
        _held = held;
        _handle = handle;
        Chains = chains;
        Header = header;
    }

    /// <summary>The same file for chains of reads.</summary>
    public StorageFile Chains { get; private set; }

    public LogHeader Header { get; }

    /// <summary>Opens a log, or makes it where there is no such file.</summary>
    /// <exception cref="KvTierException">It is in use, is something else, has another size, or cannot be made.</exception>
    public static LogFile Open(BlockLogOptions options)
    {
        try
        {
            if (!File.Exists(options.Path))
                Create(options);
            return OpenExisting(options);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or StorageException)
        {
            throw Refused(options.Path, $"cannot be used: {failure.Message}", failure);
        }
    }

    /// <summary>Units of bytes, rounded up.</summary>
    public static uint UnitsOf(long bytes) => (uint)((bytes + UnitBytes - 1) / UnitBytes);

    /// <summary>Reads whole units.</summary>
    /// <exception cref="IOException">The device failed or the file is shorter.</exception>
    public void Read(long offsetBytes, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var read = RandomAccess.Read(_handle, destination, offsetBytes);
            if (read <= 0)
                throw new EndOfStreamException($"{Chains.Path} ends at {offsetBytes}.");
            destination = destination[read..];
            offsetBytes += read;
        }
    }

    /// <summary>Writes whole units.</summary>
    /// <exception cref="IOException">The device failed.</exception>
    public void Write(long offsetBytes, ReadOnlySpan<byte> source) => RandomAccess.Write(_handle, source, offsetBytes);

    /// <summary>Makes all writes that ended durable.</summary>
    public void Flush() => FileSync.Data(_handle);

    /// <summary>Has chains run in user space from now on: the kernel does not take their function. Nobody uses the file yet.</summary>
    public void LeaveKernel(StorageEngineOptions options)
    {
        _engine = StorageEngine.Start(options);
        var chains = _engine.Open(Chains.Path, ChainOptions(options));
        Chains.Dispose();
        Chains = chains;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Chains.Dispose();
        _engine?.Dispose();
        _handle.Dispose();
        _held.Dispose();
    }

    private static LogFile OpenExisting(BlockLogOptions options)
    {
        var held = Hold(options.Path);
        StorageFile? chains = null;
        SafeFileHandle? handle = null;
        try
        {
            chains = StorageFile.Open(options.Path, ChainOptions(options.Engine));
            if (chains.AlignmentBytes > UnitBytes)
                throw Refused(options.Path, $"lies on a device with sectors of {chains.AlignmentBytes} bytes; at most {UnitBytes} can be used");
            handle = chains.IsDirect ? FileSync.OpenForWriting(options.Path, direct: true) : held;
            return new LogFile(held, handle, chains, ReadHeader(options, handle));
        }
        catch
        {
            chains?.Dispose();
            handle?.Dispose();
            held.Dispose();
            throw;
        }
    }

    /// <summary>Pages carry checksums and the log is the file's only writer: no look at the file after each read.</summary>
    private static StorageFileOptions ChainOptions(StorageEngineOptions engine) => new() { Engine = engine, Guard = FileGuard.None };

    private static SafeFileHandle Hold(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException busy) when (File.Exists(path))
        {
            throw Refused(path, "is in use by another process", busy);
        }
    }

    private static LogHeader ReadHeader(BlockLogOptions options, SafeFileHandle handle)
    {
        using var buffer = NativeBuffer.Allocate(LogHeader.Bytes * LogHeader.Copies, UnitBytes);
        var copies = buffer.AsSpan<byte>(0, LogHeader.Bytes * LogHeader.Copies);
        if (RandomAccess.GetLength(handle) < copies.Length || RandomAccess.Read(handle, copies, 0) < copies.Length)
            throw Refused(options.Path, "is not a block log: it is too short");
        var header = LogHeader.Read(copies, out var problem) ?? LogHeader.Read(copies[LogHeader.Bytes..], out _);
        if (header is null)
            throw Refused(options.Path, problem);
        if (header.CapacityBytes != options.CapacityBytes)
        {
            throw Refused(
                options.Path, $"was made for {header.CapacityBytes} bytes, not {options.CapacityBytes}; a log keeps its size: name that size, or remove the file");
        }
        var length = RandomAccess.GetLength(handle);
        return length >= header.FileBytes ? header : throw Refused(options.Path, $"has {length} of its {header.FileBytes} bytes");
    }

    /// <summary>Makes the file under another name first, so that a file of this name is always whole.</summary>
    private static void Create(BlockLogOptions options)
    {
        var header = options.Divide(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        var made = options.Path + ".new";
        try
        {
            // The room is taken here, so that the drive cannot run full later.
            using (var handle = File.OpenHandle(made, FileMode.Create, FileAccess.ReadWrite, FileShare.None, preallocationSize: header.FileBytes))
            {
                WriteEmpty(handle, header);
                RandomAccess.SetLength(handle, header.FileBytes);
                RandomAccess.FlushToDisk(handle);
            }
            File.Move(made, options.Path);
            FileSync.Folder(options.Path);
        }
        catch
        {
            File.Delete(made);
            throw;
        }
    }

    private static void WriteEmpty(SafeFileHandle handle, LogHeader header)
    {
        var copies = new byte[LogHeader.Bytes * LogHeader.Copies];
        header.Write(copies);
        header.Write(copies.AsSpan(LogHeader.Bytes));
        RandomAccess.Write(handle, copies, 0);
        const int PagesAtOnce = 64;
        var bytes = new byte[PagesAtOnce * IndexPage.Bytes];
        for (uint first = 0; first < header.IndexPages; first += PagesAtOnce)
        {
            var count = (int)Math.Min(PagesAtOnce, header.IndexPages - first);
            for (var i = 0; i < count; i++)
            {
                using var page = new IndexPage(first + (uint)i);
                page.Seal(IndexPage.Seed(header.StoreId, LogHeader.PageOffsetBytes(page.Number)));
                page.Span.CopyTo(bytes.AsSpan(i * IndexPage.Bytes));
            }
            RandomAccess.Write(handle, bytes.AsSpan(0, count * IndexPage.Bytes), LogHeader.PageOffsetBytes(first));
        }
    }

    private static KvTierException Refused(string path, string problem, Exception? cause = null) =>
        new(KvBlockLog.TierName, $"{path} {problem}", cause);
}
