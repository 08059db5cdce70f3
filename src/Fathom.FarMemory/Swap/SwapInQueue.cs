using System.Threading.Channels;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Swap;

/// <summary>Swap-ins that nobody blocks for: prefetches, which may be dropped, and awaited ones, which wait for their turn.</summary>
/// <remarks>A bounded queue before a few dedicated threads. Any thread may call any member.</remarks>
internal sealed class SwapInQueue : IDisposable
{
    private const int Capacity = 256;

    private readonly FarHeap _heap;
    private readonly Channel<Request> _requests = Channel.CreateBounded<Request>(new BoundedChannelOptions(Capacity));
    private readonly List<Thread> _threads = [];

    public SwapInQueue(FarHeap heap, int threads)
    {
        _heap = heap;
        for (var i = 0; i < threads; i++)
        {
            var thread = new Thread(Serve) { IsBackground = true, Name = "far heap swap-in" };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Begins a prefetch; false when the queue is full.</summary>
    public bool TryBegin(nint slot) => _requests.Writer.TryWrite(new Request(slot, null));

    /// <summary>Brings an object to local memory on one of the threads here, then pins it; fails as a dereference would.</summary>
    public async ValueTask<PinnedObject<T>> DerefAsync<T>(RemoteUnique<T> pointer, CancellationToken cancellation)
        where T : unmanaged
    {
        var completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _requests.Writer.WriteAsync(new Request(pointer.SlotAddress, completion), cancellation);
        await completion.Task.WaitAsync(cancellation);
        return _heap.Pin(pointer);
    }

    public void Dispose()
    {
        _requests.Writer.TryComplete();
        foreach (var thread in _threads)
            thread.Join();
        while (_requests.Reader.TryRead(out var request))
            request.Completion?.TrySetException(new ObjectDisposedException(nameof(FarHeap)));
    }

    private void Serve()
    {
        // This thread exists to wait here.
        while (_requests.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (_requests.Reader.TryRead(out var request))
                Run(request);
        }
    }

    private void Run(Request request)
    {
        try
        {
            _heap.Bring(request.Slot);
            request.Completion?.TrySetResult();
        }
        catch (FarMemoryException cause)
        {
            // A prefetch has nobody to tell: the dereference that follows meets the same condition and reports it.
            request.Completion?.TrySetException(cause);
        }
        catch (ObjectDisposedException cause)
        {
            request.Completion?.TrySetException(cause); // the heap is closing
        }
    }

    private readonly record struct Request(nint Slot, TaskCompletionSource? Completion);
}
