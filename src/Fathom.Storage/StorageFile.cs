using Fathom.Storage.Chains;
using Fathom.Storage.Files;
using Fathom.Storage.Kernel;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage;

/// <summary>A file that chains read, with the engine that runs them.</summary>
/// <remarks>
/// Whoever opens it disposes it; any thread may use it. Disposing while chains are in flight ends them as
/// <see cref="ChainStatus.Closed"/>; the descriptor closes when the last of them has.
/// </remarks>
public sealed class StorageFile : IDisposable
{
    private readonly Lock _lock = new(); // guards the replacing of _state
    private readonly bool _ownsEngine;
    private volatile FileState _state;
    private volatile bool _isClosed;

    private StorageFile(string path, OpenedFile opened, StorageFileOptions options, StorageEngine engine, bool ownsEngine, FileState state)
    {
        Path = path;
        Handle = opened.Handle;
        IsDirect = opened.IsDirect;
        AlignmentBytes = opened.AlignmentBytes;
        Guard = options.Guard;
        Holes = options.Holes;
        Engine = engine;
        _ownsEngine = ownsEngine;
        _state = state;
    }

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>The engine that runs chains over this file.</summary>
    public StorageEngine Engine { get; }

    /// <summary>Whether reads pass the page cache by.</summary>
    public bool IsDirect { get; }

    /// <summary>What offsets and sizes of reads must be multiples of: 512, or more where the device wants it.</summary>
    public int AlignmentBytes { get; }

    /// <summary>Which changes end chains.</summary>
    public FileGuard Guard { get; }

    /// <summary>What a read of a hole gives.</summary>
    public HolePolicy Holes { get; }

    /// <summary>Size when it was last looked at.</summary>
    public long LengthBytes => _state.Stamp.LengthBytes;

    internal SafeFileHandle Handle { get; }

    internal FileState State => _state;

    /// <summary>What the module calls the file; set by the engine that runs chains there.</summary>
    internal uint KernelPin { get; set; }

    /// <summary>Whether it was closed; its descriptor stays open for the chains that hold it.</summary>
    internal bool IsClosed => _isClosed;

    /// <summary>Opens a file with an engine of its own, which closes with the file.</summary>
    /// <param name="path">A regular file that may be read.</param>
    /// <param name="options">How; the engine's options are among them.</param>
    /// <exception cref="StorageFileException">The file cannot be opened so.</exception>
    /// <exception cref="StorageEngineException">The engine that was asked for cannot be had.</exception>
    public static StorageFile Open(string path, StorageFileOptions? options = null)
    {
        options ??= new StorageFileOptions();
        var refusal = "";
        if (options.Engine.Kind == EngineKind.Auto && TryOpenInKernel(path, options, out refusal) is { } file)
            return file;
        var engine = StorageEngine.Start(options.Engine);
        if (refusal.Length > 0)
            engine.Choice = engine.Choice with { Reason = $"{engine.Choice.Reason}; not the kernel: {refusal}" };
        try
        {
            return Open(path, options, engine, ownsEngine: true);
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file behind a handle once more, with an engine of its own: a file without a name, or one that came from elsewhere.</summary>
    /// <param name="handle">Open for reading; stays the caller's, and may be closed afterwards.</param>
    /// <param name="options">As for a path.</param>
    /// <exception cref="StorageFileException">The handle is not open for reading, or its file cannot be opened so; always, but on Linux.</exception>
    /// <exception cref="StorageEngineException">The engine that was asked for cannot be had.</exception>
    public static StorageFile Open(SafeFileHandle handle, StorageFileOptions? options = null)
    {
        var file = Open(OpenedFile.PathOf(handle), options);
        GC.KeepAlive(handle);
        return file;
    }

    internal static StorageFile Open(string path, StorageFileOptions options, StorageEngine engine, bool ownsEngine)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var opened = OpenedFile.Open(path, options.Direct);
        try
        {
            if (!FileStamp.TryRead(opened.Handle, out var stamp, out var errno))
                throw new StorageFileException(path, "cannot be examined", errno);
            var extents = LooksAtExtents(options.Guard, options.Holes) ? ExtentMap.TryRead(opened.Handle, flushes: true) : null;
            if (options.Holes == HolePolicy.Refuse && extents is null)
                throw new StorageFileException(path, "lies on a file system that does not tell where it has holes");
            var state = new FileState(0, stamp, extents, new FileChange[FileState.ChangesKept]);
            var file = new StorageFile(path, opened, options, engine, ownsEngine, state);
            engine.Adopt(file);
            return file;
        }
        catch
        {
            opened.Handle.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file over the module; null with the reason where it does not take the file, without one where it is not there.</summary>
    private static StorageFile? TryOpenInKernel(string path, StorageFileOptions options, out string refusal)
    {
        refusal = "";
        StorageEngine.CheckRanges(options.Engine);
        if (!XrpDevice.IsThere || KernelEngine.TryStart(options.Engine with { Kind = EngineKind.Kernel }, out refusal) is not { } engine)
            return null;
        try
        {
            return Open(path, options, engine, ownsEngine: true);
        }
        catch (StorageFileException failure)
        {
            // Whether the file is at fault, or just not for the module, shows when it is opened in user space.
            engine.Dispose();
            refusal = failure.Message;
            return null;
        }
    }

    /// <summary>Closes the file, and its engine if it has one of its own.</summary>
    /// <exception cref="InvalidOperationException">A function tries to close the engine that runs it.</exception>
    public void Dispose()
    {
        if (_isClosed)
            return;
        if (_ownsEngine && Chain.IsInStep)
            throw new InvalidOperationException("A function cannot close an engine: the engine would wait for the function.");
        _isClosed = true;
        Handle.Dispose();
        if (_ownsEngine)
            Engine.Dispose();
        else
            Engine.Forget(this);
    }

    /// <summary>Keeps the descriptor open for a chain; false when the file is closed.</summary>
    internal bool TryAcquire()
    {
        var acquired = false;
        try
        {
            if (!_isClosed)
                Handle.DangerousAddRef(ref acquired);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        return acquired;
    }

    internal void Release() => Handle.DangerousRelease();

    /// <summary>Looks at the file again: whatever was read before this call was read from the version it leaves behind, or from an older one.</summary>
    internal void Look()
    {
        if (Guard != FileGuard.None && (!FileStamp.TryRead(Handle, out var stamp, out _) || stamp != _state.Stamp))
            LookAgain();
    }

    /// <summary>Takes over a size that may have changed.</summary>
    internal void LookAgain()
    {
        lock (_lock)
        {
            var seen = _state;
            if (!FileStamp.TryRead(Handle, out var stamp, out _))
                stamp = seen.Stamp with { Links = 0, IsReachable = false };
            if (stamp == seen.Stamp)
                return;
            var extents = LooksAtExtents(Guard, Holes) && stamp.IsReachable ? ExtentMap.TryRead(Handle, flushes: false) : null;
            var change = EndsChains(seen, stamp, extents);
            if (change == FileChange.None)
            {
                _state = seen with { Stamp = stamp, Extents = extents };
                return;
            }
            var changes = (FileChange[])seen.Changes.Clone();
            changes[(seen.Version + 1) % FileState.ChangesKept] = change;
            _state = new FileState(seen.Version + 1, stamp, extents, changes);
        }
    }

    /// <summary>Whether the file has a byte at an offset; looks at the file again before it says no.</summary>
    internal bool Reaches(ulong offsetBytes)
    {
        if (offsetBytes < (ulong)_state.Stamp.LengthBytes)
            return true;
        if (offsetBytes > long.MaxValue)
            return false;
        LookAgain();
        return offsetBytes < (ulong)_state.Stamp.LengthBytes;
    }

    /// <summary>Whether a read may not be because the file has no data there; looks at the file again before it says so.</summary>
    internal bool HasHole(ulong offsetBytes, uint sizeBytes)
    {
        if (Holes != HolePolicy.Refuse || HoldsData())
            return false;
        LookAgain();
        return !HoldsData();

        bool HoldsData()
        {
            var state = _state;
            var end = long.Min(state.Stamp.LengthBytes, (long)offsetBytes + sizeBytes);
            return state.Extents?.HoldsData((long)offsetBytes, end - (long)offsetBytes) ?? false;
        }
    }

    private static bool LooksAtExtents(FileGuard guard, HolePolicy holes) => guard == FileGuard.Extents || holes == HolePolicy.Refuse;

    private FileChange EndsChains(FileState seen, in FileStamp after, ExtentMap? extents)
    {
        var before = seen.Stamp;
        if (Guard == FileGuard.None)
            return FileChange.None;
        if (!after.IsReachable)
            return FileChange.Unreachable;
        var change = FileChange.None;
        if (after.LengthBytes < before.LengthBytes)
            change |= FileChange.Truncated;
        if (after.Links < before.Links)
            change |= FileChange.Unlinked;
        if (Guard == FileGuard.Extents && seen.Extents is { } known && extents is not null && !known.IsKeptBy(extents, after.LengthBytes))
            change |= FileChange.Remapped;
        if (Guard == FileGuard.Sealed && change == FileChange.None)
            change |= FileChange.Written;
        return change;
    }
}
