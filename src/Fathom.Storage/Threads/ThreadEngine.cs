using Fathom.Memory;
using Fathom.Storage.Chains;

namespace Fathom.Storage.Threads;

/// <summary>Runs chains by blocking reads on threads: any system, any file system.</summary>
/// <remarks>
/// A chain runs on one thread from its first read to its end, so that the reads of a fan-out follow each other. Single chains
/// run on their caller's thread. A read that the device holds holds its thread: deadline and token are looked at between reads.
/// </remarks>
internal sealed class ThreadEngine : StorageEngine
{
    private readonly ChainCallPool _calls;
    private readonly ChainQueue _queue;
    private readonly Action<ChainCall> _enqueue;
    private readonly Lock _lock = new(); // guards _blocks, _batches, _threads and _closing
    private readonly Stack<NativeBuffer> _blocks = new();
    private readonly Stack<ChainBatch> _batches = new();
    private readonly List<Thread> _threads = [];
    private volatile bool _closing;
    private long _chains;
    private long _reads;
    private long _looks;

    public ThreadEngine(EngineChoice choice, StorageEngineOptions options)
        : base(choice, options)
    {
        _calls = new ChainCallPool(options.ChainsMax);
        _queue = new ChainQueue(options.ChainsMax, options.ChainsMax);
        _enqueue = Enqueue;
    }

    public override EngineCounters Counters =>
        new(Volatile.Read(ref _chains), Volatile.Read(ref _reads), Volatile.Read(ref _reads) + Volatile.Read(ref _looks));

    private protected override void RunAll(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        var block = RentBlock();
        if (requests.Length == 1)
            results[0] = RunHere(requests[0], block);
        else
            RunBatch(requests, results, block);
        ReturnBlock(block);
    }

    private protected override ValueTask<ChainResult> Queue(in ChainRequest request) => _calls.RunAsync(request, _enqueue);

    private protected override void Dispose(bool disposing)
    {
        Thread[] threads;
        lock (_lock)
        {
            if (_closing)
                return;
            _closing = true;
            threads = [.. _threads];
        }
        _queue.Close();
        foreach (var thread in threads)
            thread.Join();
        lock (_lock)
        {
            while (_blocks.TryPop(out var block))
                block.Dispose();
        }
    }

    /// <summary>Hands chains to the threads, runs chains itself while some wait, and returns when all of its own are over.</summary>
    private void RunBatch(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results, NativeBuffer block)
    {
        var batch = RentBatch();
        var (next, underWay) = (0, 0);
        while (next < requests.Length || underWay > 0)
        {
            while (next < requests.Length && underWay < Options.ChainsMax && TryHandOver(requests[next], batch, next))
            {
                next++;
                underWay++;
            }
            var helps = _queue.TryTake(out var waiting, wait: false);
            if (helps)
                Complete(waiting, block);
            else if (underWay == 0)
                results[next] = RunHere(requests[next++], block); // the queue is closed, or full of asynchronous chains
            // With nothing left to take, each of this batch's chains is with a thread that will complete it.
            for (var wait = !helps; underWay > 0 && batch.TryTake(out var complete, wait); wait = false)
            {
                results[complete.Index] = complete.Result;
                _calls.Return(complete);
                underWay--;
            }
        }
        lock (_lock)
            _batches.Push(batch);
    }

    private bool TryHandOver(in ChainRequest request, ChainBatch batch, int index)
    {
        var call = _calls.Rent();
        call.Prepare(request, batch, index);
        if (!_queue.TryAdd(call, isAsync: false, out var isWaitedFor))
        {
            _calls.Return(call);
            return false;
        }
        if (!isWaitedFor)
            StartThread();
        return true;
    }

    private void Enqueue(ChainCall call)
    {
        if (!_queue.TryAdd(call, isAsync: true, out var isWaitedFor))
            call.Complete(new ChainResult { Status = ChainStatus.Closed });
        else if (!isWaitedFor)
            StartThread();
    }

    private void StartThread()
    {
        lock (_lock)
        {
            if (_closing || _threads.Count >= Options.Threads)
                return;
            var thread = new Thread(Work, maxStackSize: 256 << 10) { IsBackground = true, Name = "fathom-storage" };
            _threads.Add(thread);
            thread.Start();
        }
    }

    private void Work()
    {
        var block = RentBlock();
        while (_queue.TryTake(out var call, wait: true))
            Complete(call, block);
        ReturnBlock(block);
    }

    private void Complete(ChainCall call, NativeBuffer block) => call.Complete(Run(call.Chain, call.Request, block));

    private ChainResult RunHere(in ChainRequest request, NativeBuffer block)
    {
        var call = _calls.Rent();
        var result = Run(call.Chain, request, block);
        _calls.Return(call);
        return result;
    }

    private unsafe ChainResult Run(Chain chain, in ChainRequest request, NativeBuffer block)
    {
        var (time, file) = (Options.Time, request.File);
        file.Look();
        var (reads, looks) = (0, 1);
        chain.Begin(request, time.GetTimestamp(), time.TimestampFrequency);
        while (!chain.HasEnded)
        {
            if (_closing)
                chain.End(ChainStatus.Closed);
            if (chain.EndsBefore(time.GetTimestamp()))
                break;
            var size = chain.NextIssueBytes;
            var sequence = chain.Issue(out var offset);
            // SAFETY: the block holds the largest read there is, and belongs to this thread while the chain runs.
            var outcome = BlockingRead.At(file.Handle, new Span<byte>(block.Pointer, (int)size), (long)offset);
            file.Look();
            chain.Complete(sequence, outcome, (nint)block.Pointer);
            chain.Step(time.GetTimestamp());
            reads++;
            looks++;
        }
        Interlocked.Add(ref _reads, reads);
        if (file.Guard != FileGuard.None)
            Interlocked.Add(ref _looks, looks);
        Interlocked.Increment(ref _chains);
        return chain.Result;
    }

    private NativeBuffer RentBlock()
    {
        lock (_lock)
        {
            if (_blocks.TryPop(out var block))
                return block;
        }
        return NativeBuffer.Allocate(ChainRequest.ReadBytesMax, ChainRequest.ReadBytesMax);
    }

    private void ReturnBlock(NativeBuffer block)
    {
        lock (_lock)
        {
            if (_closing)
                block.Dispose();
            else
                _blocks.Push(block);
        }
    }

    private ChainBatch RentBatch()
    {
        lock (_lock)
            return _batches.TryPop(out var batch) ? batch : new ChainBatch();
    }
}
