using Fathom.Storage.KeyValue.Log;
using Fathom.Storage.KeyValue.Tables;
using Fathom.Storage.KeyValue.Trees;

namespace Fathom.Storage.KeyValue.Commits;

/// <summary>Takes writes in: log, flush, memory table. Writers that come while one flushes share the next flush (group commit).</summary>
/// <remarks>
/// Any thread may write. The queue lock guards the open batch; the commit lock, held over log and flush, guards segment and active
/// table. Where each commit is flushed, the first writer of a batch leads it: it waits for the commit lock while others join, and they wait for
/// their batch's end and not for the lock, which the next batch's leader has by then.
/// </remarks>
internal sealed class CommitQueue : IDisposable
{
    /// <summary>A batch takes no more writes when it has so many bytes; the next writer waits for its commit.</summary>
    private const int BatchBytesMax = 4 << 20;

    /// <summary>Buffers above this are not kept for the next batch.</summary>
    private const int SpareBytesMax = 1 << 20;

    private readonly StoreRoot _root;
    private readonly KeyValueOptions _options;
    private readonly Lock _queueLock = new();
    private readonly Lock _commitLock = new();
    private CommitBatch _open = new(new byte[4096]);
    private byte[]? _spareBuffer;
    private LogSegment _segment;
    private bool _isClosed;

    public CommitQueue(StoreRoot root, KeyValueOptions options, LogSegment segment)
    {
        _root = root;
        _options = options;
        _segment = segment;
    }

    /// <summary>Segment and position that writes go to.</summary>
    public (ulong Segment, long Position) Position
    {
        get
        {
            lock (_commitLock)
                return (_segment.Number, _segment.Position);
        }
    }

    /// <summary>Commits one write; null deletes. The arrays are the store's from now on.</summary>
    public void Commit(byte[] key, byte[]? value)
    {
        while (true)
        {
            CommitBatch batch;
            bool isFull, leads;
            lock (_queueLock)
            {
                batch = _open;
                isFull = batch.Bytes >= BatchBytesMax;
                leads = batch.Writes.Count == 0;
                if (!isFull)
                    batch.Add(key, value);
            }
            if (!isFull)
            {
                Finish(batch, leads);
                return;
            }
            batch.WaitUntilDone();
        }
    }

    /// <summary>Commits several writes as one: all of them count after a crash, or none.</summary>
    public void Commit(IReadOnlyList<(byte[] Key, byte[]? Value)> writes)
    {
        CommitBatch batch;
        bool leads;
        lock (_queueLock)
        {
            batch = _open;
            leads = batch.Writes.Count == 0;
            foreach (var (key, value) in writes)
                batch.Add(key, value);
        }
        Finish(batch, leads);
    }

    /// <summary>Turns the active table over to the merge if it holds anything.</summary>
    public void Rotate()
    {
        lock (_commitLock)
        {
            if (_root.State.Active.Count > 0)
                RotateLocked();
        }
    }

    /// <summary>Flushes what the system has.</summary>
    public void Flush()
    {
        LogSegment segment;
        lock (_commitLock)
        {
            if (_isClosed)
                return;
            segment = _segment;
        }
        try
        {
            segment.Flush();
        }
        catch (ObjectDisposedException)
        {
            // A segment is closed only behind its seal, which flushed it.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_commitLock)
        {
            if (_isClosed)
                return;
            _isClosed = true;
            if (_root.Failure is null)
                _segment.Flush();
            _segment.Dispose();
        }
    }

    private void Finish(CommitBatch batch, bool leads)
    {
        // Without a flush a commit is over sooner than a thread that waits for another is awake.
        if (leads || _options.Durability != Durability.Commit)
        {
            lock (_commitLock)
                CommitLocked(batch);
        }
        else
        {
            batch.WaitUntilDone();
        }
        if (batch.Failure is { } failure)
            throw Refused(failure);
    }

    /// <summary>Commits a batch that nobody has committed yet, which is the open one.</summary>
    private void CommitLocked(CommitBatch batch)
    {
        if (batch.IsDone)
            return;
        lock (_queueLock)
            _open = new CommitBatch(_spareBuffer ?? new byte[4096]);
        _spareBuffer = null;
        Exception? failure = new InvalidOperationException("the commit did not end");
        try
        {
            failure = TryWrite(batch);
        }
        finally
        {
            batch.Complete(failure); // whatever happened: others wait for it
        }
        if (batch.Buffer.Length <= SpareBytesMax)
            _spareBuffer = batch.Buffer;
    }

    private Exception? TryWrite(CommitBatch batch)
    {
        try
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(KeyValueStore));
            if (_root.Failure is { } earlier)
                return earlier;
            if (_root.State.Active.Bytes >= _options.MemoryTableBytes)
                RotateLocked();
            _segment.Append(batch.Frame, LogFormat.Operations, batch.Writes.Count);
            if (_options.Durability == Durability.Commit)
                _segment.Flush();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // What reached the log is not known: nothing more may follow it.
            _root.Fail(failure);
            return failure;
        }
        catch (Exception failure) when (failure is ObjectDisposedException or StoreRefusedException)
        {
            return failure;
        }
        var table = _root.State.Active;
        foreach (var (key, value) in batch.Writes)
            table.Put(key, value);
        return null;
    }

    /// <summary>Waits for the merge that is under way, closes the segment and starts the next with a new table.</summary>
    private void RotateLocked()
    {
        _root.WaitUntilMerged();
        _segment.Seal();
        var next = LogSegment.Create(_root.Path, _root.StoreId, _segment.Number + 1, _root.TakeSpareSegment());
        _segment.Dispose();
        _segment = next;
        _root.Freeze(new MemoryTable(next.Number));
    }

    private StoreRefusedException Refused(Exception failure) =>
        failure as StoreRefusedException ?? new StoreRefusedException(_root.Path, StoreRefusal.Failed, $"takes no writes: {failure.Message}", failure);
}
