using Fathom.Memory;

namespace Fathom.Tiering.Loads;

/// <summary>A fixed number of places for blocks on their way, each aligned to 4096 bytes; whoever comes first is served first.</summary>
/// <remarks>Any thread; one lock. The memory lives until every place is back after disposal.</remarks>
internal sealed class StagingMemory : IDisposable
{
    public const int Alignment = 4096;

    private readonly Lock _lock = new();
    private readonly NativeBuffer _memory;
    private readonly int _blockBytes;
    private readonly long _stride;
    private readonly Stack<int> _free;
    private readonly LinkedList<Waiter> _waiters = new();
    private bool _disposed;

    public StagingMemory(int blocks, int blockBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockBytes, 1);
        Blocks = blocks;
        _blockBytes = blockBytes;
        _stride = ((long)blockBytes + Alignment - 1) / Alignment * Alignment;
        _memory = NativeBuffer.Allocate(checked(blocks * _stride), Alignment);
        _free = new Stack<int>(blocks);
        for (var i = blocks - 1; i >= 0; i--)
            _free.Push(i);
    }

    /// <summary>All places.</summary>
    public int Blocks { get; }

    /// <summary>Places that nobody has.</summary>
    public int Free
    {
        get
        {
            lock (_lock)
                return _free.Count;
        }
    }

    /// <summary>Memory of a place: a block's bytes; behind them there is room up to the next multiple of 4096.</summary>
    public NativeView View(int place) => _memory.View.Slice(place * _stride, _blockBytes);

    /// <summary>Takes a place at once, if there is one and nobody waits for it.</summary>
    public bool TryRent(out int place)
    {
        lock (_lock)
        {
            place = -1;
            return !_disposed && _waiters.Count == 0 && _free.TryPop(out place);
        }
    }

    /// <summary>Takes places, waiting for them if need be.</summary>
    /// <param name="count">At most <see cref="Blocks"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The places; null when the caller gave up or the memory was closed.</returns>
    public ValueTask<int[]?> RentAsync(int count, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Blocks);
        Waiter waiter;
        lock (_lock)
        {
            if (_disposed || cancellation.IsCancellationRequested)
                return new ValueTask<int[]?>((int[]?)null);
            if (_waiters.Count == 0 && _free.Count >= count)
                return new ValueTask<int[]?>(Take(count));
            waiter = new Waiter(count);
            waiter.Node = _waiters.AddLast(waiter);
        }
        return new ValueTask<int[]?>(WaitAsync(waiter, cancellation));
    }

    public void Return(ReadOnlySpan<int> places)
    {
        List<(Waiter, int[])> served = [];
        lock (_lock)
        {
            foreach (var place in places)
                _free.Push(place);
            while (!_disposed && _waiters.First is { } first && first.Value.Count <= _free.Count)
            {
                _waiters.RemoveFirst();
                first.Value.Node = null;
                served.Add((first.Value, Take(first.Value.Count)));
            }
            FreeIfDone();
        }
        foreach (var (waiter, taken) in served)
            waiter.Taken.SetResult(taken);
    }

    /// <summary>Nobody gets a place any more; the memory goes with the last that is out.</summary>
    public void Dispose()
    {
        Waiter[] refused;
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            refused = [.. _waiters];
            _waiters.Clear();
            foreach (var waiter in refused)
                waiter.Node = null;
            FreeIfDone();
        }
        foreach (var waiter in refused)
            waiter.Taken.SetResult(null);
    }

    private async Task<int[]?> WaitAsync(Waiter waiter, CancellationToken cancellation)
    {
        await using var registration = cancellation.UnsafeRegister(state => GiveUp((Waiter)state!), waiter);
        return await waiter.Taken.Task;
    }

    private void GiveUp(Waiter waiter)
    {
        lock (_lock)
        {
            if (waiter.Node is null)
                return; // served or refused meanwhile
            _waiters.Remove(waiter.Node);
            waiter.Node = null;
        }
        waiter.Taken.SetResult(null);
        Return([]); // whoever stands behind may need less
    }

    private int[] Take(int count)
    {
        var places = new int[count];
        for (var i = 0; i < count; i++)
            places[i] = _free.Pop();
        return places;
    }

    private void FreeIfDone()
    {
        if (_disposed && _free.Count == Blocks)
            _memory.Dispose();
    }

    private sealed class Waiter(int count)
    {
        public int Count { get; } = count;

        public TaskCompletionSource<int[]?> Taken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LinkedListNode<Waiter>? Node { get; set; }
    }
}
