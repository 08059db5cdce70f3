using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Kernels.Parallelism;

/// <summary>A fixed set of threads that share one piece of work at a time, with dispatch in well under a microsecond when hot.</summary>
/// <remarks>
/// The composition root owns it. One thread at a time may call <see cref="Run{TWork}"/>, and becomes worker 0; work must
/// not call it again (both checked). No locks: one word, the ticket, holds (dispatch number, unclaimed items), and a worker
/// claims items by compare-and-swap on it. A worker that wakes late finds none unclaimed and touches nothing, so nobody
/// waits for a thread that has no processor.
/// </remarks>
public sealed unsafe class ComputePool : IDisposable
{
    // A token of a small model takes about 175 dispatches with gaps of a few microseconds: spin over those, not longer.
    private const int SpinMicroseconds = 50;
    private const int MaxThreads = 1024;

    private readonly Worker[] _workers;
    private readonly AutoResetEvent _joined = new(false);
    private Padded _padded;

    // Written by the dispatcher before the ticket is published, constant until every item is done.
    private void* _work;
    private delegate*<void*, int, int, int, void> _execute;
    private int _items;
    private Exception? _failure;

    private int _dispatching;
    private int _joinSleeps;
    private volatile bool _stopping;

    /// <summary>Starts a pool.</summary>
    /// <param name="threads">Workers in all, the calling thread among them; 1 starts no thread.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not between 1 and 1024.</exception>
    public ComputePool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaxThreads);
        Threads = threads;
        _workers = new Worker[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
            _workers[i] = new Worker(this, i + 1);
        foreach (var worker in _workers)
            worker.Thread.Start();
    }

    /// <summary>Workers, the calling thread among them.</summary>
    public int Threads { get; }

    /// <summary>Does all items of <paramref name="work"/> and returns when the last is done.</summary>
    /// <param name="work">A copy of it is shared by all workers; what they leave in its fields comes back.</param>
    /// <param name="items">Number of items; handed out in chunks that shrink towards the end.</param>
    /// <exception cref="InvariantViolationException">The work threw, or the pool was in use already.</exception>
    /// <exception cref="ObjectDisposedException">The pool is disposed.</exception>
    /// <remarks>Allocates nothing.</remarks>
    public void Run<TWork>(ref TWork work, int items)
        where TWork : struct, IParallelWork, allows ref struct
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        if (items <= 0)
            return;
        Invariant.Check(Interlocked.Exchange(ref _dispatching, 1) == 0, "one dispatcher at a time");

        // The copy lives on this stack frame, which does not move, so that workers may reach it by pointer.
        var shared = work;
        // SAFETY: this method returns only after every item is done, and no worker touches the copy after that.
        _work = Unsafe.AsPointer(ref shared);
        _execute = &Invoke<TWork>;
        _items = items;
        _failure = null;
        _padded.Done = 0;
        Interlocked.Exchange(ref _padded.Ticket, NextTicket(_padded.Ticket, items));
        if (items > 1)
            WakeSleepers(items - 1);
        DrainTicket(worker: 0);
        Join(items);

        work = shared;
        var failure = _failure;
        _work = null;
        Volatile.Write(ref _dispatching, 0);
        if (failure is not null)
            Invariant.Fail("work on the compute pool threw", failure);
    }

    /// <summary>Stops and joins the threads.</summary>
    public void Dispose()
    {
        if (_stopping)
            return;
        Invariant.Check(Volatile.Read(ref _dispatching) == 0, "no work in progress at disposal");
        _stopping = true;
        foreach (var worker in _workers)
            worker.Wake.Set();
        foreach (var worker in _workers)
        {
            worker.Thread.Join();
            worker.Dispose();
        }
        _joined.Dispose();
    }

    private static void Invoke<TWork>(void* work, int begin, int end, int worker)
        where TWork : struct, IParallelWork, allows ref struct =>
        // SAFETY: the pointer is Run's copy of the same type, alive until Run returns.
        Unsafe.AsRef<TWork>(work).Execute(begin, end, worker);

    // Ticket: dispatch number in the upper half, unclaimed items in the lower. Counting down to zero lets a worker see that
    // nothing is left from the ticket alone: the other fields may already be the next dispatch's.
    private static long NextTicket(long ticket, int items) => (long)((((ulong)ticket >> 32) + 1) << 32 | (uint)items);

    /// <summary>Claims and does chunks until none is left.</summary>
    private void DrainTicket(int worker)
    {
        while (true)
        {
            var ticket = Volatile.Read(ref _padded.Ticket);
            var left = (int)(uint)ticket;
            if (left == 0)
                return;
            // These fields belong to the ticket if the swap below succeeds: while an item of a dispatch is unclaimed, the
            // dispatch cannot end and the fields cannot change.
            var items = _items;
            var work = _work;
            var execute = _execute;
            // Half of an even share: few claims at the start, small steps at the end so that workers finish together.
            var count = Math.Max(1, left / (2 * Threads));
            if (Interlocked.CompareExchange(ref _padded.Ticket, ticket - count, ticket) != ticket)
                continue;
            var begin = items - left;
            try
            {
                execute(work, begin, begin + count, worker);
            }
            catch (Exception failure)
            {
                // The dispatcher throws it after the join; passing it on here would end the work's life under other workers.
                Interlocked.CompareExchange(ref _failure, failure, null);
            }
            if (Interlocked.Add(ref _padded.Done, count) == items && Interlocked.Exchange(ref _joinSleeps, 0) == 1)
                _joined.Set();
        }
    }

    private void Join(int items)
    {
        if (Volatile.Read(ref _padded.Done) == items)
            return;
        var spin = new BoundedSpin(SpinMicroseconds);
        while (Volatile.Read(ref _padded.Done) != items)
        {
            if (spin.Once())
                continue;
            Volatile.Write(ref _joinSleeps, 1);
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _padded.Done) != items)
                _joined.WaitOne();
            // Either the last worker took the flag and set the event, or the flag comes back here.
            else if (Interlocked.Exchange(ref _joinSleeps, 0) == 0)
                _joined.WaitOne();
        }
    }

    private void WakeSleepers(int count)
    {
        foreach (var worker in _workers)
        {
            if (Volatile.Read(ref worker.Asleep) == 1 && Interlocked.Exchange(ref worker.Asleep, 0) == 1)
                worker.Wake.Set();
            if (--count == 0)
                return;
        }
    }

    private void WorkerLoop(Worker self)
    {
        var seen = 0L;
        while (!_stopping)
        {
            var spin = new BoundedSpin(SpinMicroseconds);
            while (Volatile.Read(ref _padded.Ticket) >>> 32 == seen && !_stopping)
            {
                if (spin.Once())
                    continue;
                Volatile.Write(ref self.Asleep, 1);
                Interlocked.MemoryBarrier();
                // Checked again after the flag is visible: a dispatch from now on wakes this thread.
                if (Volatile.Read(ref _padded.Ticket) >>> 32 == seen && !_stopping)
                    self.Wake.WaitOne();
                else if (Interlocked.Exchange(ref self.Asleep, 0) == 0)
                    self.Wake.WaitOne(); // somebody took the flag: the event is set or about to be
                spin = new BoundedSpin(SpinMicroseconds);
            }
            seen = Volatile.Read(ref _padded.Ticket) >>> 32;
            DrainTicket(self.Index);
        }
    }

    /// <summary>The contended words, each on its own pair of cache lines.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Padded
    {
        [FieldOffset(128)]
        public long Ticket;

        [FieldOffset(256)]
        public int Done;
    }

    private sealed class Worker : IDisposable
    {
        public readonly AutoResetEvent Wake = new(false);
        public readonly Thread Thread;
        public readonly int Index;
        public int Asleep;

        public Worker(ComputePool pool, int index)
        {
            Index = index;
            Thread = new Thread(() => pool.WorkerLoop(this)) { IsBackground = true, Name = $"fathom-compute-{index}" };
        }

        public void Dispose() => Wake.Dispose();
    }
}
