using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Trees;

/// <summary>The one place that says what the store holds now: tables, tree, and whether it failed.</summary>
/// <remarks>
/// Any thread reads the state; the commit lock's owner freezes, the merge publishes. The lock guards changes, and waiters for the merge.
/// </remarks>
internal sealed class StoreRoot(string path, ulong storeId, StoreState state)
{
    private readonly object _lock = new();
    private readonly List<TreeVersion> _trees = [state.Tree];
    private volatile StoreState _state = state;
    private volatile Exception? _failure;
    private volatile bool _isClosing;
    private string? _spareSegment;

    /// <summary>The store's file.</summary>
    public string Path { get; } = path;

    /// <summary>Ties the log to the store.</summary>
    public ulong StoreId { get; } = storeId;

    /// <summary>What the store holds; its tree is not entered.</summary>
    public StoreState State => _state;

    /// <summary>Why the store takes no more writes.</summary>
    public Exception? Failure => _failure;

    /// <summary>What the store holds, its tree entered: the caller exits it.</summary>
    public StoreState Enter()
    {
        while (true)
        {
            var state = _state;
            if (state.Tree.TryEnter())
                return state;
        }
    }

    /// <summary>The active table goes to the merge, a new one takes its place.</summary>
    public void Freeze(MemoryTable next)
    {
        lock (_lock)
        {
            _state = new StoreState(next, _state.Active, _state.Tree);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The merged table is in this tree now.</summary>
    public void Publish(TreeVersion tree)
    {
        lock (_lock)
        {
            _trees.Add(tree);
            var old = _state.Tree;
            _state = new StoreState(_state.Active, null, tree);
            old.Exit();
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Number of the oldest checkpoint that a reader may be on.</summary>
    public ulong OldestTree()
    {
        lock (_lock)
        {
            while (_trees[0].IsDrained)
                _trees.RemoveAt(0);
            return _trees[0].Header.Checkpoint;
        }
    }

    /// <summary>Waits for a table to merge; false when the store closes.</summary>
    public bool TryWaitForWork()
    {
        lock (_lock)
        {
            while (!_isClosing && _failure is null && _state.Frozen is null)
                Monitor.Wait(_lock);
            return !_isClosing && _failure is null;
        }
    }

    /// <summary>Waits until no table is being merged.</summary>
    /// <exception cref="StoreRefusedException">The store failed or closes.</exception>
    public void WaitUntilMerged()
    {
        lock (_lock)
        {
            while (_state.Frozen is not null && _failure is null && !_isClosing)
                Monitor.Wait(_lock);
            if (_failure is { } failure)
                throw new StoreRefusedException(Path, StoreRefusal.Failed, $"takes no writes: {failure.Message}", failure);
            if (_state.Frozen is not null)
                throw new StoreRefusedException(Path, StoreRefusal.Failed, "is being closed");
        }
    }

    /// <summary>The store takes no more writes; reads go on.</summary>
    public void Fail(Exception failure)
    {
        lock (_lock)
        {
            _failure ??= failure;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waiters stop waiting.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosing = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Keeps the file of a log segment that is in the tree for use as the next one; false when there is one already.</summary>
    public bool TryKeepSegment(string path)
    {
        lock (_lock)
        {
            if (_spareSegment is not null)
                return false;
            _spareSegment = path;
            return true;
        }
    }

    /// <summary>A file to make a segment of, if there is one.</summary>
    public string? TakeSpareSegment()
    {
        lock (_lock)
        {
            var spare = _spareSegment;
            _spareSegment = null;
            return spare;
        }
    }
}
