using System.Diagnostics;
using System.Text;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.BlockStore.Remote;

/// <summary>The questions of one connection to a block server.</summary>
/// <remarks>One thread, the connection's; it waits for the store itself. Nothing in a frame is believed: a question that makes no sense is refused.</remarks>
internal sealed class BlockSession(FarBlockStore store) : IFrameSession
{
    private readonly GrowingBuffer _answer = new();
    private readonly Dictionary<BlockKey, int> _pins = [];
    private BlockNamespace? _blocks;
    private bool _hasGreeted;

    public NativeView Handle(ref FrameHeader frame, NativeView payload, long deadline)
    {
        var answer = default(NativeView);
        if (frame.Kind == MessageKind.Hello)
        {
            _hasGreeted = true;
            frame.Status = WireStatus.Done;
        }
        else
        {
            frame.Status = _hasGreeted && frame.Kind == MessageKind.Blocks ? Answer(ref frame, payload, ref answer, deadline) : WireStatus.BadRequest;
        }
        if (frame.Status != WireStatus.Done)
            answer = default;
        frame.PayloadLength = (uint)answer.Length;
        frame.PayloadChecksum = answer.Length == 0 ? 0 : Crc32C.Compute(answer);
        return answer;
    }

    /// <summary>Pins end with the connection that asked for them.</summary>
    public void Dispose()
    {
        foreach (var (key, pins) in _pins)
        {
            for (var i = 0; i < pins; i++)
                _blocks!.Unpin(key);
        }
        _answer.Dispose();
    }

    private WireStatus Answer(ref FrameHeader frame, NativeView payload, ref NativeView answer, long deadline)
    {
        var question = (BlockQuestion)frame.Argument2;
        if (question == BlockQuestion.Open)
            return Open(payload);
        if (_blocks is not { } blocks)
            return WireStatus.BadRequest;
        if (payload.Length > 0 && question is not (BlockQuestion.Match or BlockQuestion.Put))
            return WireStatus.BadRequest;
        var key = BlockFrame.KeyOf(frame);
        switch (question)
        {
            case BlockQuestion.Match:
                return Match(blocks, ref frame, payload);
            case BlockQuestion.Get:
                answer = Get(blocks, key, ref frame, deadline);
                return WireStatus.Done;
            case BlockQuestion.Put:
                return Put(blocks, key, ref frame, payload, deadline);
            case BlockQuestion.Pin:
                frame.Argument = (ulong)Pin(blocks, key);
                return WireStatus.Done;
            case BlockQuestion.Unpin:
                frame.Argument = (ulong)Unpin(blocks, key);
                return WireStatus.Done;
            case BlockQuestion.Remove:
                frame.Argument = (ulong)blocks.Remove(key);
                return WireStatus.Done;
            case BlockQuestion.Usage:
                answer = _answer.View(BlockFrame.UsageBytes);
                BlockFrame.WriteUsage(blocks.Usage, answer.AsSpan<byte>());
                return WireStatus.Done;
            default:
                return WireStatus.BadRequest;
        }
    }

    private WireStatus Open(NativeView payload)
    {
        if (_blocks is not null || payload.Length > BlockFrame.NameBytesMax)
            return WireStatus.BadRequest;
        _blocks = store.Open(Encoding.UTF8.GetString(payload.AsSpan<byte>()));
        return WireStatus.Done;
    }

    private static WireStatus Match(BlockNamespace blocks, ref FrameHeader frame, NativeView payload)
    {
        var leaseUs = frame.Argument;
        if (payload.Length % BlockFrame.KeyBytes != 0 || payload.Length / BlockFrame.KeyBytes > BlockFrame.KeysMax
            || leaseUs < 1 || leaseUs > BlockFrame.LeaseTimeMax.TotalMicroseconds)
        {
            return WireStatus.BadRequest;
        }
        var hit = blocks.MatchPrefix(BlockFrame.ReadKeys(payload.AsSpan<byte>()), TimeSpan.FromMicroseconds(leaseUs));
        frame.Argument = (ulong)hit.Blocks;
        frame.OperationId = (ulong)hit.Lease.Value;
        return WireStatus.Done;
    }

    private NativeView Get(BlockNamespace blocks, BlockKey key, ref FrameHeader frame, long deadline)
    {
        var roomBytes = (int)Math.Min(frame.Length, FrameHeader.PayloadBytesMax);
        var room = _answer.View(roomBytes);
        LeaseId? lease = frame.OperationId == 0 ? null : new LeaseId((long)frame.OperationId);
        var status = BlockStatus.Cancelled;
        var length = 0;
        if (TryTimeLeft(deadline, out var left))
            (status, length) = Await(blocks.GetAsync(key, new NativeViewMemory(room).Memory, lease, left));
        frame.Argument = (ulong)status;
        return status == BlockStatus.Done ? room.Slice(0, length) : default;
    }

    private static WireStatus Put(BlockNamespace blocks, BlockKey key, ref FrameHeader frame, NativeView payload, long deadline)
    {
        var status = BlockStatus.Cancelled;
        if (TryTimeLeft(deadline, out var left))
            status = Await(blocks.PutAsync(key, new NativeViewMemory(payload).Memory, left));
        frame.Argument = (ulong)status;
        return WireStatus.Done;
    }

    private BlockStatus Pin(BlockNamespace blocks, BlockKey key)
    {
        var status = blocks.Pin(key);
        if (status == BlockStatus.Done)
            _pins[key] = _pins.GetValueOrDefault(key) + 1;
        return status;
    }

    private BlockStatus Unpin(BlockNamespace blocks, BlockKey key)
    {
        if (!_pins.TryGetValue(key, out var pins))
            return BlockStatus.Missing;
        if (pins == 1)
            _pins.Remove(key);
        else
            _pins[key] = pins - 1;
        return blocks.Unpin(key);
    }

    private static bool TryTimeLeft(long deadline, out TimeSpan left)
    {
        left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline);
        return left > TimeSpan.Zero;
    }

    /// <summary>The connection's thread has nothing else to do.</summary>
    private static T Await<T>(ValueTask<T> call) => call.AsTask().GetAwaiter().GetResult();
}
