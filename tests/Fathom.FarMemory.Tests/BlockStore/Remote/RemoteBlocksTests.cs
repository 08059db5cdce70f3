using System.Diagnostics;
using System.Net.Sockets;
using Fathom.FarMemory.BlockStore;
using Fathom.FarMemory.BlockStore.Remote;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Tests.Transports;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.FarMemory.Tests.BlockStore.Remote;

/// <summary>A block store behind a socket, and two users of it.</summary>
public sealed class RemoteBlocksTests : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly TemporarySocket _socket = new();
    private readonly InProcessFarPool _pool = new(64 << 20);
    private readonly FarBlockStore _store;
    private readonly NodeEndpoint _endpoint;
    private readonly RemoteBlocks _first;
    private readonly RemoteBlocks _second;
    private BlockServer _server;

    public RemoteBlocksTests()
    {
        _endpoint = new NodeEndpoint(TransportKind.Unix, _socket.Path);
        _store = new FarBlockStore(_pool, new BlockStoreOptions { CapacityBytes = 8 << 20, BlockBytesMax = 1 << 20 });
        _server = BlockServer.Start(_endpoint, _store, NullLogger.Instance);
        _first = new RemoteBlocks(_endpoint, "kv");
        _second = new RemoteBlocks(_endpoint, "kv");
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _server.Dispose();
        _store.Dispose();
        _socket.Dispose();
    }

    [Fact]
    public async Task Blocks_OfOneClient_AreHitsForTheOther()
    {
        var keys = Enumerable.Range(1, 40).Select(Key).ToArray();
        var contents = keys.Select(key => (ReadOnlyMemory<byte>)Content(key, 50_000)).ToArray();
        Assert.All(await _first.PutBatchAsync(keys, contents, Timeout), status => Assert.Equal(BlockStatus.Done, status));
        Assert.All(await _second.PutBatchAsync(keys, contents, Timeout), status => Assert.Equal(BlockStatus.AlreadyThere, status));
        var hit = await _second.MatchPrefixAsync(keys.Append(Key(99)).ToArray(), Minute, Timeout);
        Assert.Equal((40, false), (hit.Blocks, hit.HasFailed));
        var room = keys.Select(_ => (Memory<byte>)new byte[50_000]).ToArray();
        Assert.All(await _second.GetBatchAsync(keys, room, Timeout, hit.Lease), status => Assert.Equal(BlockStatus.Done, status));
        for (var i = 0; i < keys.Length; i++)
            Assert.True(room[i].Span.SequenceEqual(contents[i].Span));
    }

    [Fact]
    public async Task Statuses_AreThoseOfTheStore()
    {
        Assert.Equal([BlockStatus.Done], await _first.PutBatchAsync([Key(1)], [Content(Key(1), 1000)], Timeout));
        Assert.Equal([BlockStatus.TooLong], await _first.PutBatchAsync([Key(2)], [new byte[(1 << 20) + 1]], Timeout));
        Assert.Equal([BlockStatus.TooLong], await _first.PutBatchAsync([Key(2)], [new byte[FrameHeader.PayloadBytesMax + 1]], Timeout));
        Assert.Equal([BlockStatus.Missing], await _first.GetBatchAsync([Key(3)], [new byte[10]], Timeout));
        Assert.Equal([BlockStatus.DestinationTooShort], await _first.GetBatchAsync([Key(1)], [new byte[999]], Timeout));
        Assert.Equal([BlockStatus.LeaseExpired], await _first.GetBatchAsync([Key(1)], [new byte[1000]], Timeout, new LeaseId(77)));
        var room = new byte[3000];
        Assert.Equal([BlockStatus.Done], await _first.GetBatchAsync([Key(1)], [room], Timeout));
        Assert.Equal(Content(Key(1), 1000), room[..1000]);
        await _second.MatchPrefixAsync(new[] { Key(1) }, Minute, Timeout);
        Assert.Equal(BlockStatus.Held, _first.Remove(Key(1)));
        Assert.Equal(BlockStatus.Missing, _first.Remove(Key(3)));
        Assert.Equal([BlockStatus.Done], await _first.PutBatchAsync([Key(4)], [Array.Empty<byte>()], Timeout));
        Assert.Equal([BlockStatus.Done], await _first.GetBatchAsync([Key(4)], [Array.Empty<byte>()], Timeout));
    }

    [Fact]
    public async Task Namespaces_AreApart()
    {
        using var other = new RemoteBlocks(_endpoint, "other");
        await _first.PutBatchAsync([Key(1)], [Content(Key(1), 10)], Timeout);
        Assert.Equal(0, (await other.MatchPrefixAsync(new[] { Key(1) }, Minute, Timeout)).Blocks);
    }

    [Fact]
    public async Task Pins_EndWithTheClientThatTookThem()
    {
        await _first.PutBatchAsync([Key(1)], [Content(Key(1), 10)], Timeout);
        Assert.Equal(BlockStatus.Missing, _second.Unpin(Key(1)));
        Assert.Equal(BlockStatus.Done, _second.Pin(Key(1)));
        Assert.Equal(BlockStatus.Done, _second.Pin(Key(1)));
        Assert.Equal(BlockStatus.Done, _second.Unpin(Key(1)));
        Assert.Equal(BlockStatus.Held, _first.Remove(Key(1)));
        _second.Dispose();
        var deadline = Stopwatch.StartNew();
        while (_first.Remove(Key(1)) != BlockStatus.Done)
            Assert.True(deadline.Elapsed < Timeout, "the pins of a client that is gone still hold");
    }

    [Fact]
    public async Task Server_ThatDies_IsAMissAndComesBack()
    {
        await _first.PutBatchAsync([Key(1)], [Content(Key(1), 10)], Timeout);
        _server.Dispose();
        var start = Stopwatch.StartNew();
        for (var i = 0; i < 20; i++)
        {
            Assert.True((await _first.MatchPrefixAsync(new[] { Key(1) }, Minute, Timeout)).HasFailed);
            Assert.Equal([BlockStatus.Unreachable], await _first.GetBatchAsync([Key(1)], [new byte[10]], Timeout));
            Assert.Equal([BlockStatus.Unreachable], await _first.PutBatchAsync([Key(2)], [new byte[10]], Timeout));
        }
        Assert.True(start.Elapsed < Timeout);
        _server = BlockServer.Start(_endpoint, _store, NullLogger.Instance);
        while ((await _first.MatchPrefixAsync(new[] { Key(1) }, Minute, Timeout)).Blocks == 0)
            Assert.True(start.Elapsed < 3 * Timeout, "the client does not find the server again");
        Assert.Equal([BlockStatus.Done], await _first.GetBatchAsync([Key(1)], [new byte[10]], Timeout));
    }

    [Fact]
    public async Task Server_ThatDoesNotAnswer_CostsTheDeadlineNoMore()
    {
        using var silent = new SilentListener();
        using var client = new RemoteBlocks(silent.Endpoint, "kv");
        var start = Stopwatch.StartNew();
        Assert.True((await client.MatchPrefixAsync(new[] { Key(1) }, Minute, TimeSpan.FromMilliseconds(200))).HasFailed);
        Assert.InRange(start.Elapsed, TimeSpan.FromMilliseconds(150), Timeout);
    }

    [Fact]
    public async Task Call_ThatIsCancelled_EndsAtOnceAndLeavesTheDestination()
    {
        using var silent = new SilentListener { AnswersGreeting = true };
        using var client = new RemoteBlocks(silent.Endpoint, "kv");
        using var cancellation = new CancellationTokenSource();
        var room = new byte[100];
        var start = Stopwatch.StartNew();
        var call = client.GetBatchAsync([Key(1)], [room], TimeSpan.FromMinutes(5), null, cancellation.Token);
        await silent.Asked;
        await cancellation.CancelAsync();
        Assert.Equal([BlockStatus.Cancelled], await call);
        Assert.True(start.Elapsed < TimeSpan.FromMinutes(1));
        Assert.Equal(new byte[100], room);
    }

    [Fact]
    public async Task Usage_IsTheStores()
    {
        await _first.PutBatchAsync([Key(1), Key(2)], [new byte[1000], new byte[500]], Timeout);
        var start = Stopwatch.StartNew();
        while (_second.Usage.Blocks != 2)
        {
            Assert.True(start.Elapsed < Timeout, "the client does not learn what the store holds");
            await Task.Yield();
        }
        Assert.Equal(new BlockStoreUsage(2, 1500, 8 << 20, 0, 0), _second.Usage);
    }

    [Fact]
    public void Questions_ThatMakeNoSense_AreRefusedAndHarmNothing()
    {
        using var link = NodeLink.Connect(_endpoint, new CallerIdentity(CallerRole.Compute, 1), LocalNode.Soon);
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Match, new byte[16])); // no namespace yet
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Open, new byte[BlockFrame.NameBytesMax + 1]));
        Assert.Equal(WireStatus.Done, Ask(BlockQuestion.Open, "kv"u8.ToArray()));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Open, "kv"u8.ToArray()));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Match, new byte[17], argument: 1000));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Match, new byte[16], argument: 0));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Match, new byte[16], argument: ulong.MaxValue));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Match, new byte[(BlockFrame.KeysMax + 1) * BlockFrame.KeyBytes], argument: 1000));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Get, new byte[1]));
        Assert.Equal(WireStatus.BadRequest, Ask(0, []));
        Assert.Equal(WireStatus.BadRequest, Ask((BlockQuestion)99, []));
        Assert.Equal(WireStatus.BadRequest, Ask(BlockQuestion.Usage, [], kind: MessageKind.Write));
        Assert.Equal(WireStatus.Done, Ask(BlockQuestion.Match, new byte[16], argument: 1000));
        Assert.False(link.IsBroken);

        WireStatus Ask(BlockQuestion question, byte[] payload, ulong argument = 0, MessageKind kind = MessageKind.Blocks)
        {
            using var memory = NativeBuffer.Allocate(payload.Length);
            payload.CopyTo(memory.AsSpan<byte>(0, payload.Length));
            var frame = new FrameHeader
            {
                Kind = kind,
                Argument2 = (uint)question,
                Argument = argument,
                PayloadChecksum = payload.Length == 0 ? 0 : Crc32C.Compute(payload),
            };
            Assert.Equal(FrameFault.None, link.Call(ref frame, memory.View, default, LocalNode.Soon, out _));
            return frame.Status;
        }
    }

    [Fact]
    public async Task Fuzz_MutatedFrames_ServerAnswersOrClosesAndStays()
    {
        var random = new Random(77);
        var bytes = new byte[FrameHeader.Bytes + 64];
        var answer = new byte[64 << 10];
        for (var round = 0; round < 2000; round++)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(_socket.Path));
            try
            {
                new FrameHeader { Kind = MessageKind.Hello }.Write(bytes);
                socket.Send(bytes.AsSpan(0, FrameHeader.Bytes));
                _ = socket.Receive(answer);
                var payload = random.Next(64);
                random.NextBytes(bytes.AsSpan(FrameHeader.Bytes, payload));
                var frame = new FrameHeader
                {
                    Kind = MessageKind.Blocks,
                    Argument2 = (uint)random.Next(10),
                    Argument = (ulong)random.NextInt64(),
                    Generation = (ulong)random.NextInt64(),
                    OperationId = (ulong)random.NextInt64(),
                    Length = (uint)random.Next(1 << 20),
                    DeadlineUs = (uint)random.Next(1000),
                    PayloadLength = (uint)payload,
                    PayloadChecksum = payload == 0 ? 0 : Crc32C.Compute(bytes.AsSpan(FrameHeader.Bytes, payload)),
                };
                frame.Write(bytes);
                if (random.Next(3) == 0)
                    bytes[random.Next(FrameHeader.Bytes + payload)] ^= (byte)(1 << random.Next(8));
                // Cut inside the frame now and then; else the answer, or the end.
                socket.Send(bytes.AsSpan(0, random.Next(20) == 0 ? random.Next(FrameHeader.Bytes) : FrameHeader.Bytes + payload));
                socket.Shutdown(SocketShutdown.Send);
                _ = socket.Receive(answer);
            }
            catch (SocketException)
            {
                // closed on us: that is allowed
            }
        }
        Assert.Equal([BlockStatus.Done], await _first.PutBatchAsync([Key(1)], [new byte[10]], Timeout));
    }

    private static BlockKey Key(int number) => new((UInt128)(ulong)number << 70 | (ulong)number);

    private static byte[] Content(BlockKey key, int length)
    {
        var bytes = new byte[length];
        new Random((int)(ulong)key.Hash).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Takes connections and says nothing, or nothing beyond the greeting and the namespace.</summary>
    private sealed class SilentListener : IDisposable
    {
        private readonly TemporarySocket _path = new();
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public SilentListener()
        {
            _listener.Bind(new UnixDomainSocketEndPoint(_path.Path));
            _listener.Listen();
            new Thread(Serve) { IsBackground = true }.Start();
        }

        public bool AnswersGreeting { get; init; }

        public NodeEndpoint Endpoint => new(TransportKind.Unix, _path.Path);

        public Task Asked => _asked.Task;

        public void Dispose()
        {
            _listener.Dispose();
            _path.Dispose();
        }

        private void Serve()
        {
            try
            {
                var peer = new FrameSocket(_listener.Accept());
                for (var answers = 0; ; answers++)
                {
                    var deadline = FrameSocket.DeadlineAfter(TimeSpan.FromSeconds(30));
                    if (peer.ReceiveHeader(out var frame, deadline) != FrameFault.None)
                        break;
                    peer.SkipPayload(frame, deadline);
                    if (!AnswersGreeting)
                        continue;
                    if (answers == 2)
                    {
                        _asked.SetResult();
                        continue;
                    }
                    (frame.PayloadLength, frame.PayloadChecksum) = (0, 0);
                    peer.Send(ref frame, default, deadline);
                }
                peer.Dispose();
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                // the test is over
            }
        }
    }
}
