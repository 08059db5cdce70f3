using Fathom.Storage.KeyValue.Log;

namespace Fathom.Storage.KeyValue.Commits;

/// <summary>Writes that become durable together: one frame of the log.</summary>
/// <remarks>
/// The queue's lock guards it until it is taken; then it is the committing thread's, and the others whose writes it holds wait for its end.
/// </remarks>
internal sealed class CommitBatch(byte[] buffer)
{
    private readonly object _end = new(); // a monitor: followers sleep on it
    private byte[] _buffer = buffer;
    private int _length = LogFormat.FrameHeaderBytes;

    /// <summary>The writes, in order.</summary>
    public List<(byte[] Key, byte[]? Value)> Writes { get; } = [];

    /// <summary>It is committed, or failed; read under the commit lock.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Why it failed; known at its end.</summary>
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

    /// <summary>Says how it ended: the writes are in the log, as durable as asked for, and visible; or failed.</summary>
    public void Complete(Exception? failure)
    {
        lock (_end)
        {
            Failure = failure;
            IsDone = true;
            Monitor.PulseAll(_end);
        }
    }

    /// <summary>Waits for its end.</summary>
    public void WaitUntilDone()
    {
        lock (_end)
        {
            while (!IsDone)
                Monitor.Wait(_end);
        }
    }
}
