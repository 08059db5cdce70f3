using Fathom.Storage.Files;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.KeyValue.Log;

/// <summary>The segment of the write-ahead log that is being written.</summary>
/// <remarks>The commit lock guards it; <see cref="Flush"/> may be called beside writers.</remarks>
internal sealed class LogSegment : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly ulong _storeId;
    private long _flushed;

    private LogSegment(string path, SafeFileHandle handle, ulong storeId, ulong number, long position)
    {
        Path = path;
        _handle = handle;
        _storeId = storeId;
        Number = number;
        Position = position;
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its number.</summary>
    public ulong Number { get; }

    /// <summary>Where the next frame goes.</summary>
    public long Position { get; private set; }

    /// <summary>Makes a segment, out of a spare file if there is one: blocks that are written already make flushes cheap.</summary>
    public static LogSegment Create(string storePath, ulong storeId, ulong number, string? sparePath)
    {
        var path = LogFormat.PathOf(storePath, number);
        if (sparePath is not null && File.Exists(sparePath))
            File.Move(sparePath, path, overwrite: true);
        var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        var segment = new LogSegment(path, handle, storeId, number, LogFormat.SegmentHeaderBytes);
        Span<byte> header = stackalloc byte[LogFormat.SegmentHeaderBytes];
        LogFormat.WriteSegmentHeader(header, storeId, number);
        RandomAccess.Write(handle, header, 0);
        segment.Flush();
        FileSync.Folder(storePath);
        return segment;
    }

    /// <summary>Opens a segment to go on behind its last frame.</summary>
    public static LogSegment Continue(string storePath, ulong storeId, ulong number, long position) =>
        new(LogFormat.PathOf(storePath, number), File.OpenHandle(LogFormat.PathOf(storePath, number), FileMode.Open, FileAccess.Write, FileShare.Read), storeId, number, position);

    /// <summary>Appends a frame whose operations stand behind the room for its header.</summary>
    public void Append(Span<byte> frame, uint kind, int operations)
    {
        LogFormat.CompleteFrame(frame, LogFormat.FrameSeed(_storeId, Number, Position), kind, operations, Volatile.Read(ref _flushed));
        RandomAccess.Write(_handle, frame, Position);
        Position += frame.Length;
    }

    /// <summary>Says that the segment is complete, durably.</summary>
    public void Seal()
    {
        Append(stackalloc byte[LogFormat.FrameHeaderBytes], LogFormat.Seal, 0);
        Flush();
    }

    /// <summary>Makes what was appended durable.</summary>
    public void Flush()
    {
        var position = Position;
        FileSync.Data(_handle);
        Volatile.Write(ref _flushed, position);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
