using Fathom.Storage.KeyValue.Log;

namespace Fathom.Storage.KeyValue.Commits;

/// <summary>Writes that become durable together: one frame of the log.</summary>
/// <remarks>The queue's lock guards it until it is taken; then it is the committing thread's.</remarks>
internal sealed class CommitBatch(byte[] buffer)
{
    private byte[] _buffer = buffer;
    private int _length = LogFormat.FrameHeaderBytes;

    /// <summary>The writes, in order.</summary>
    public List<(byte[] Key, byte[]? Value)> Writes { get; } = [];

    /// <summary>Set when the writes are in the log, as durable as asked for, and visible; or failed.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Why it failed.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Bytes of the frame so far.</summary>
    public int Bytes => _length;

    /// <summary>The frame; its header is still to be filled.</summary>
    public Span<byte> Frame => _buffer.AsSpan(0, _length);

    /// <summary>Memory for another batch, once this one is written.</summary>
    public byte[] Buffer => _buffer;

    /// <summary>Adds a write; null deletes.</summary>
    public void Add(byte[] key, byte[]? value)
    {
        var bytes = LogFormat.OperationBytes(key.Length, value?.Length ?? 0);
        if (_buffer.Length - _length < bytes)
            Array.Resize(ref _buffer, Math.Max(2 * _buffer.Length, _length + bytes));
        LogFormat.WriteOperation(_buffer.AsSpan(_length), key, value, value is not null);
        _length += bytes;
        Writes.Add((key, value));
    }

    /// <summary>Says how it ended.</summary>
    public void Complete(Exception? failure)
    {
        Failure = failure;
        IsDone = true;
    }
}
