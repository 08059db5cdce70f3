using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Fathom.FarMemory.BlockStore;

/// <summary>The event stream: every subscriber has a bounded queue of its own, and learns how much it missed when it is slow.</summary>
/// <remarks>Any thread may call any member; publishing never waits.</remarks>
internal sealed class BlockEvents(int eventsMax)
{
    private readonly Lock _lock = new();
    private readonly List<Subscriber> _subscribers = [];
    private bool _closed;

    public void Publish(BlockEventKind kind, BlockEntry entry)
    {
        lock (_lock)
        {
            foreach (var subscriber in _subscribers)
                subscriber.Add(new BlockEvent(kind, entry.Namespace, entry.Key, entry.LengthBytes, 0));
        }
    }

    /// <summary>Subscribes at once; events are there to be read until the enumeration or the store ends.</summary>
    public IAsyncEnumerable<BlockEvent> Subscribe(CancellationToken cancellation)
    {
        var subscriber = new Subscriber(eventsMax);
        lock (_lock)
        {
            if (_closed)
                subscriber.Close();
            else
                _subscribers.Add(subscriber);
        }
        return ReadAsync(subscriber, cancellation);
    }

    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (var subscriber in _subscribers)
                subscriber.Close();
            _subscribers.Clear();
        }
    }

    private async IAsyncEnumerable<BlockEvent> ReadAsync(
        Subscriber subscriber, [EnumeratorCancellation] CancellationToken cancellation)
    {
        try
        {
            await foreach (var one in subscriber.Events.ReadAllAsync(cancellation))
                yield return one with { Missed = subscriber.TakeMissed() };
        }
        finally
        {
            lock (_lock)
                _subscribers.Remove(subscriber);
        }
    }

    private sealed class Subscriber
    {
        private readonly Channel<BlockEvent> _channel;
        private long _missed;

        public Subscriber(int eventsMax) => _channel = Channel.CreateBounded<BlockEvent>(
            new BoundedChannelOptions(eventsMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _missed));

        public ChannelReader<BlockEvent> Events => _channel.Reader;

        public void Add(BlockEvent one) => _channel.Writer.TryWrite(one);

        public long TakeMissed() => Interlocked.Exchange(ref _missed, 0);

        public void Close() => _channel.Writer.TryComplete();
    }
}
