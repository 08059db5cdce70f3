using System.Diagnostics;
using System.Text;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.BlockStore.Remote;

/// <summary>The blocks of a store that another process serves (<see cref="BlockServer"/>).</summary>
/// <remarks>
/// Whoever makes it disposes it. A server that is away or late gives <see cref="BlockStatus.Unreachable"/>, and is asked again later; it is not needed
/// when this is made. Pins that this process took end with its connections.
/// </remarks>
public sealed class RemoteBlocks : IBlocks, IDisposable
{
    private const int LinksMax = 8;
    private static readonly TimeSpan UsageAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortTime = TimeSpan.FromSeconds(1);

    private readonly BlockLinks _links;
    private readonly BlockLinks _pins; // one connection, so that the pins are all its own
    private readonly Lock _lock = new();
    private BlockStoreUsage _usage;
    private long _usageAskedAt;

    /// <summary>Nothing is connected yet.</summary>
    /// <param name="server">Where the block server listens.</param>
    /// <param name="name">The namespace; at most 256 bytes of UTF-8.</param>
    public RemoteBlocks(NodeEndpoint server, string name)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Encoding.UTF8.GetByteCount(name), BlockFrame.NameBytesMax, nameof(name));
        Server = server;
        Name = name;
        _links = new BlockLinks(server, name, LinksMax);
        _pins = new BlockLinks(server, name, linksMax: 1);
    }

    /// <summary>Where the server listens.</summary>
    public NodeEndpoint Server { get; }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public BlockStoreUsage Usage
    {
        get
        {
            lock (_lock)
            {
                var now = Stopwatch.GetTimestamp();
                if (_usageAskedAt == 0 || Stopwatch.GetElapsedTime(_usageAskedAt, now) > UsageAge)
                {
                    _usageAskedAt = now;
                    _ = Task.Run(AskUsage);
                }
                return _usage;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<PrefixHit> MatchPrefixAsync(
        ReadOnlyMemory<BlockKey> keys, TimeSpan leaseTime, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(leaseTime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(leaseTime, BlockFrame.LeaseTimeMax);
        if (keys.IsEmpty)
            return default;
        return await Task.Run(() => Match(keys.Span[..Math.Min(keys.Length, BlockFrame.KeysMax)], leaseTime, timeout, cancellation), CancellationToken.None);
    }

    /// <inheritdoc/>
    public Task<BlockStatus[]> GetBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<Memory<byte>> destinations, TimeSpan timeout, LeaseId? lease = null,
        CancellationToken cancellation = default)
    {
        BlockNamespace.CheckCounts(keys, destinations);
        return ForEachAsync(keys, i => Get(keys[i], destinations[i], timeout, lease, cancellation));
    }

    /// <inheritdoc/>
    public Task<BlockStatus[]> PutBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<ReadOnlyMemory<byte>> contents, TimeSpan timeout, CancellationToken cancellation = default)
    {
        BlockNamespace.CheckCounts(keys, contents);
        return ForEachAsync(keys, i => Put(keys[i], contents[i], timeout, cancellation));
    }

    /// <inheritdoc/>
    public BlockStatus Pin(BlockKey key) => Ask(_pins, BlockQuestion.Pin, key);

    /// <inheritdoc/>
    public BlockStatus Unpin(BlockKey key) => Ask(_pins, BlockQuestion.Unpin, key);

    /// <inheritdoc/>
    public BlockStatus Remove(BlockKey key) => Ask(_links, BlockQuestion.Remove, key);

    /// <summary>Ends the connections; calls under way end as unreachable.</summary>
    public void Dispose()
    {
        _links.Dispose();
        _pins.Dispose();
    }

    private static async Task<BlockStatus[]> ForEachAsync(IReadOnlyList<BlockKey> keys, Func<int, BlockStatus> call)
    {
        var statuses = new BlockStatus[keys.Count];
        // Calls block their thread: no more of them at once than there are connections.
        var calls = new ParallelOptions { MaxDegreeOfParallelism = LinksMax };
        await Task.Run(() => Parallel.For(0, statuses.Length, calls, i => statuses[i] = call(i)));
        return statuses;
    }

    private PrefixHit Match(ReadOnlySpan<BlockKey> keys, TimeSpan leaseTime, TimeSpan timeout, CancellationToken cancellation)
    {
        using var payload = NativeBuffer.Allocate((long)keys.Length * BlockFrame.KeyBytes);
        BlockFrame.WriteKeys(keys, payload.AsSpan<byte>(0, (int)payload.Length));
        var frame = new FrameHeader { Argument2 = (uint)BlockQuestion.Match, Argument = (ulong)leaseTime.TotalMicroseconds };
        if (!_links.TryAsk(ref frame, payload.View, default, FrameSocket.DeadlineAfter(timeout), cancellation, out _) || frame.Argument > (ulong)keys.Length)
            return new PrefixHit(0, default, default, HasFailed: true);
        return new PrefixHit((int)frame.Argument, new LeaseId((long)frame.OperationId), TimeProvider.System.GetUtcNow() + leaseTime);
    }

    private BlockStatus Get(BlockKey key, Memory<byte> destination, TimeSpan timeout, LeaseId? lease, CancellationToken cancellation)
    {
        using var pin = destination.Pin();
        var frame = new FrameHeader
        {
            Argument2 = (uint)BlockQuestion.Get,
            OperationId = (ulong)(lease?.Value ?? 0),
            Length = (uint)Math.Min(destination.Length, FrameHeader.PayloadBytesMax),
        };
        BlockFrame.SetKey(ref frame, key);
        return Ask(ref frame, default, ViewOf(pin, destination.Length), timeout, cancellation);
    }

    private BlockStatus Put(BlockKey key, ReadOnlyMemory<byte> content, TimeSpan timeout, CancellationToken cancellation)
    {
        if (content.Length > FrameHeader.PayloadBytesMax)
            return BlockStatus.TooLong;
        using var pin = content.Pin();
        var frame = new FrameHeader { Argument2 = (uint)BlockQuestion.Put };
        BlockFrame.SetKey(ref frame, key);
        return Ask(ref frame, ViewOf(pin, content.Length), default, timeout, cancellation);
    }

    private BlockStatus Ask(ref FrameHeader frame, NativeView payload, NativeView destination, TimeSpan timeout, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return BlockStatus.Cancelled;
        if (_links.TryAsk(ref frame, payload, destination, FrameSocket.DeadlineAfter(timeout), cancellation, out _))
            return BlockFrame.StatusOf(frame) ?? BlockStatus.Unreachable;
        return cancellation.IsCancellationRequested ? BlockStatus.Cancelled : BlockStatus.Unreachable;
    }

    private static BlockStatus Ask(BlockLinks links, BlockQuestion question, BlockKey key)
    {
        var frame = new FrameHeader { Argument2 = (uint)question };
        BlockFrame.SetKey(ref frame, key);
        var isAnswered = links.TryAsk(ref frame, default, default, FrameSocket.DeadlineAfter(ShortTime), CancellationToken.None, out _);
        return isAnswered ? BlockFrame.StatusOf(frame) ?? BlockStatus.Unreachable : BlockStatus.Unreachable;
    }

    private void AskUsage()
    {
        using var answer = NativeBuffer.Allocate(BlockFrame.UsageBytes);
        var frame = new FrameHeader { Argument2 = (uint)BlockQuestion.Usage };
        if (!_links.TryAsk(ref frame, default, answer.View, FrameSocket.DeadlineAfter(ShortTime), CancellationToken.None, out var received)
            || received != BlockFrame.UsageBytes)
        {
            return;
        }
        lock (_lock)
            _usage = BlockFrame.ReadUsage(answer.AsSpan<byte>(0, BlockFrame.UsageBytes));
    }

    private static unsafe NativeView ViewOf(in System.Buffers.MemoryHandle pin, int length) => new((byte*)pin.Pointer, length); // SAFETY: as long as the pin
}
