using Fathom.Storage.Native;

namespace Fathom.Storage.Uring;

/// <summary>The files that a loop reads: registered with the ring where it has room, looked at once a turn.</summary>
/// <remarks>Belongs to the loop's thread; only <see cref="IsSweepDue"/> is for others.</remarks>
internal sealed unsafe class LoopFiles
{
    private const int RegisteredMax = 64;

    private readonly Ring _ring;
    private readonly List<LoopFile> _files = [];
    private readonly bool[] _isPlaceTaken = new bool[RegisteredMax];
    private LoopFile? _last;
    private volatile bool _isSweepDue;

    public LoopFiles(Ring ring)
    {
        _ring = ring;
        var empty = stackalloc int[RegisteredMax];
        new Span<int>(empty, RegisteredMax).Fill(-1);
        AreRegistered = ring.Register(UringCalls.RegisterFiles, empty, RegisteredMax) == 0;
    }

    /// <summary>Whether the ring has a table of files.</summary>
    public bool AreRegistered { get; }

    /// <summary>Whether a file was closed that the ring may still hold.</summary>
    public bool IsSweepDue
    {
        get => _isSweepDue;
        set => _isSweepDue = value;
    }

    /// <summary>System calls made to look at files.</summary>
    public long Looks { get; private set; }

    /// <summary>A chain over the file starts.</summary>
    public LoopFile Enter(StorageFile file, long turn)
    {
        if (_last is not { } entry || entry.File != file)
            _last = entry = Find(file) ?? Add(file);
        entry.Chains++;
        Look(entry, turn);
        return entry;
    }

    /// <summary>A chain over the file is over.</summary>
    public static void Leave(LoopFile entry) => entry.Chains--;

    /// <summary>Looks at the file unless that was done in this turn.</summary>
    public void Look(LoopFile entry, long turn)
    {
        if (entry.LookedAtTurn == turn)
            return;
        entry.LookedAtTurn = turn;
        if (entry.File.Guard == FileGuard.None || !entry.File.TryAcquire())
            return;
        entry.File.Look();
        entry.File.Release();
        Looks++;
    }

    /// <summary>Gives up the files that are closed and that no chain reads.</summary>
    public void Sweep()
    {
        _isSweepDue = false;
        for (var i = _files.Count - 1; i >= 0; i--)
        {
            var entry = _files[i];
            if (!entry.File.IsClosed)
                continue;
            if (entry.Chains > 0)
            {
                _isSweepDue = true; // again when those have ended
                continue;
            }
            if (entry.Index >= 0 && Place(entry.Index, -1))
                _isPlaceTaken[entry.Index] = false;
            _files.RemoveAt(i);
            _last = null;
        }
    }

    /// <summary>Whether the ring may hold the file.</summary>
    public bool Knows(StorageFile file) => Find(file) is not null;

    private LoopFile? Find(StorageFile file)
    {
        foreach (var entry in _files)
        {
            if (entry.File == file)
                return entry;
        }
        return null;
    }

    private LoopFile Add(StorageFile file)
    {
        var place = AreRegistered ? Array.IndexOf(_isPlaceTaken, false) : -1;
        if (place >= 0 && file.TryAcquire())
        {
            if (!Place(place, (int)file.Handle.DangerousGetHandle()))
                place = -1;
            file.Release();
        }
        else
        {
            place = -1; // no room, or closed: its chains end before they read
        }
        if (place >= 0)
            _isPlaceTaken[place] = true;
        var entry = new LoopFile(file, place);
        _files.Add(entry);
        return entry;
    }

    private bool Place(int index, int descriptor)
    {
        var update = new FilesUpdate { Offset = (uint)index, Files = &descriptor };
        return _ring.Register(UringCalls.RegisterFilesUpdate, &update, 1) == 0;
    }
}

/// <summary>A file that a loop has read from. Owned by the loop.</summary>
/// <param name="file">The file.</param>
/// <param name="index">Its place in the ring's table of files; -1 where it has none and goes by its descriptor.</param>
internal sealed class LoopFile(StorageFile file, int index)
{
    /// <summary>The file.</summary>
    public StorageFile File { get; } = file;

    /// <summary>Place in the ring's table of files, or -1.</summary>
    public int Index { get; } = index;

    /// <summary>The loop's turn in which the file was looked at last.</summary>
    public long LookedAtTurn { get; set; } = -1;

    /// <summary>Chains over it that sit in the loop.</summary>
    public int Chains { get; set; }
}
