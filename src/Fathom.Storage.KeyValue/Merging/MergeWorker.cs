using Fathom.Storage.KeyValue.Caching;
using Fathom.Storage.KeyValue.Log;
using Fathom.Storage.KeyValue.Space;
using Fathom.Storage.KeyValue.Tables;
using Fathom.Storage.KeyValue.Trees;
using Microsoft.Extensions.Logging;

namespace Fathom.Storage.KeyValue.Merging;

/// <summary>Brings frozen tables into the tree, one at a time, on a thread of its own, and writes checkpoints.</summary>
/// <remarks>Owns the space of the file. Closing cancels the merge under way: the log still holds what it held.</remarks>
internal sealed class MergeWorker : IDisposable
{
    private readonly StoreRoot _root;
    private readonly TreeReader _reader;
    private readonly ObjectCache _objects;
    private readonly StoreSpace _space;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _closing = new();
    private readonly Thread _thread;

    public MergeWorker(StoreRoot root, TreeReader reader, ObjectCache objects, StoreSpace space, KeyValueOptions options)
    {
        _root = root;
        _reader = reader;
        _objects = objects;
        _space = space;
        _logger = options.Logger;
        _time = options.Time;
        _thread = new Thread(Run) { IsBackground = true, Name = "fathom-kv-merge" };
        _thread.Start();
    }

    /// <summary>Merges so far.</summary>
    public long Merges { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _root.Close();
        _thread.Join();
        _closing.Dispose();
    }

    private void Run()
    {
        try
        {
            while (_root.TryWaitForWork())
                Merge(_root.State.Frozen!);
        }
        catch (OperationCanceledException)
        {
            // The store closes; its log is replayed when it opens.
        }
        catch (Exception failure)
        {
            // The boundary of the thread: whatever it was, the old tree and the log still hold everything, and writers are told.
            StoreLog.MergeFailed(_logger, _root.Path, failure);
            _root.Fail(failure);
        }
    }

    private void Merge(MemoryTable table)
    {
        var started = _time.GetTimestamp();
        _space.Reclaim(_root.OldestTree(), _reader.Pages.Remove);
        var old = _root.State.Tree.Header;
        var merged = new TreeMerge(_reader, _space, old, _closing.Token).Run(table);
        var header = CheckpointWriter.Write(_reader.File, _space, merged with
        {
            Checkpoint = old.Checkpoint + 1,
            FirstSegment = _root.State.Active.FirstSegment,
        });
        _space.Hold(old.Checkpoint);
        _objects.Renew(header.Checkpoint);
        for (var entry = table.LowerBound([]); entry is not null; entry = entry.Following)
            _objects.Replace(entry.Hash, entry.Key, entry.Value, entry.Value is null);
        // Whoever waits for the merge finds its files as they stay.
        ReleaseSegments(table.FirstSegment, header.FirstSegment);
        Merges++;
        _root.Publish(new TreeVersion(header));
        StoreLog.Merged(_logger, _root.Path, table.Count, _time.GetElapsedTime(started).TotalMilliseconds, header.Checkpoint);
    }

    private void ReleaseSegments(ulong first, ulong end)
    {
        for (var number = first; number < end; number++)
        {
            var path = LogFormat.PathOf(_root.Path, number);
            if (!_root.TryKeepSegment(path))
                File.Delete(path);
        }
    }
}
