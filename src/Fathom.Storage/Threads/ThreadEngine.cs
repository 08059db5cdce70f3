using Fathom.Memory;
using Fathom.Storage.Chains;

namespace Fathom.Storage.Threads;

/// <summary>Runs chains by blocking reads on threads: any system, any file system.</summary>
/// <remarks>
/// A chain runs on one thread at a time, so that the reads of a fan-out follow each other; after some reads it makes place for
/// chains that wait. Single chains run on their caller's thread. A read that the device holds holds its thread: deadline and token are looked at between reads.
/// </remarks>
internal sealed class ThreadEngine : StorageEngine
{
    private const int ReadsPerShare = 64;

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

    internal override void RunAll(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        var block = RentBlock();
        if (requests.Length == 1)
            results[0] = RunHere(requests[0], block);
        else
            RunBatch(requests, results, block);
        ReturnBlock(block);
    }

    internal override ValueTask<ChainResult> Queue(in ChainRequest request) => _calls.RunAsync(request, _enqueue);

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
                RunShare(waiting, block, once: true);
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
            RunShare(call, block, once: false);
        ReturnBlock(block);
    }

    /// <summary>Runs a chain until it is over or has had its share and others wait.</summary>
    /// <param name="call">The chain.</param>
    /// <param name="block">Where it reads to.</param>
    /// <param name="once">Whether one share is enough: the thread has a batch of its own to see to.</param>
    private void RunShare(ChainCall call, NativeBuffer block, bool once)
    {
        var chain = call.Chain;
        if (!call.HasBegun)
        {
            Begin(chain, call.Request);
            call.HasBegun = true;
        }
        for (var isMine = true; isMine;)
        {
            Run(chain, block, ReadsPerShare);
            if (chain.HasEnded)
            {
                call.Complete(chain.Result);
                return;
            }
            isMine = !_queue.TryPutBehind(call, once);
        }
    }

    private ChainResult RunHere(in ChainRequest request, NativeBuffer block)
    {
        var call = _calls.Rent();
        Begin(call.Chain, request);
        Run(call.Chain, block, int.MaxValue);
        var result = call.Chain.Result;
        _calls.Return(call);
        return result;
    }

    private void Begin(Chain chain, in ChainRequest request)
    {
        Look(request.File);
        chain.Begin(request, Options.Time.GetTimestamp(), Options.Time.TimestampFrequency);
        if (chain.HasEnded)
            Interlocked.Increment(ref _chains);
    }

    private unsafe void Run(Chain chain, NativeBuffer block, int readsMax)
    {
        if (chain.HasEnded)
            return;
        var (time, file) = (Options.Time, chain.File);
        for (var reads = 0; reads < readsMax && !chain.HasEnded; reads++)
        {
            if (_closing)
                chain.End(ChainStatus.Closed);
            if (chain.EndsBefore(time.GetTimestamp()))
                break;
            var size = chain.NextIssueBytes;
            var sequence = chain.Issue(out var offset);
            // SAFETY: the block holds the largest read there is, and belongs to this thread while the chain runs.
            var outcome = BlockingRead.At(file.Handle, new Span<byte>(block.Pointer, (int)size), (long)offset);
            Interlocked.Increment(ref _reads);
            Look(file);
            chain.Complete(sequence, outcome, (nint)block.Pointer);
            chain.Step(time.GetTimestamp());
        }
        if (chain.HasEnded)
            Interlocked.Increment(ref _chains);
    }

    private void Look(StorageFile file)
    {
        if (file.Guard == FileGuard.None || !file.TryAcquire())
            return;
        file.Look();
        file.Release();
        Interlocked.Increment(ref _looks);
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
