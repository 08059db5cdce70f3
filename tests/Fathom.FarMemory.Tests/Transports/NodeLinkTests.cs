using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.FarMemory.Tests.Transports;

public sealed class NodeLinkTests : IDisposable
{
    private const int AnswerBytes = 4096;

    private readonly TemporarySocket _socket = new();
    private readonly ManualResetEventSlim _mayAnswer = new(false);
    private readonly FrameListener _listener;
    private readonly NativeBuffer _answer = NativeBuffer.Allocate(AnswerBytes);

    public NodeLinkTests() => _listener = FrameListener.Start(
        new NodeEndpoint(TransportKind.Unix, _socket.Path), 4, () => new SlowSession(_mayAnswer), NullLogger.Instance);

    public void Dispose()
    {
        _mayAnswer.Set();
        _listener.Dispose();
        _socket.Dispose();
        _answer.Dispose();
    }

    [Fact]
    public void Answer_AfterItsDeadline_IsPassedOver_AndNeverTakenForAnothers()
    {
        using var link = NodeLink.Connect(_listener.Endpoint, new CallerIdentity(CallerRole.Compute, 1), LocalNode.Soon);
        for (byte content = 1; content <= 3; content++)
            Assert.Equal(FrameFault.Deadline, Ask(link, content, FrameSocket.DeadlineAfter(TimeSpan.FromMilliseconds(5))));
        Assert.False(link.IsBroken);
        _mayAnswer.Set();
        for (byte content = 4; content <= 6; content++)
        {
            Assert.Equal(FrameFault.None, Ask(link, content, LocalNode.Soon));
            Assert.Equal(-1, _answer.AsSpan<byte>(0, AnswerBytes).IndexOfAnyExcept(content));
        }
    }

    [Fact]
    public void TooManyAnswersOwed_BreakTheLink()
    {
        using var link = NodeLink.Connect(_listener.Endpoint, new CallerIdentity(CallerRole.Compute, 1), LocalNode.Soon);
        for (byte content = 1; !link.IsBroken; content++)
        {
            Assert.InRange(content, 1, 10);
            Assert.Equal(FrameFault.Deadline, Ask(link, content, FrameSocket.DeadlineAfter(TimeSpan.FromMilliseconds(5))));
        }
    }

    private FrameFault Ask(NodeLink link, byte content, long deadline)
    {
        var frame = new FrameHeader { Kind = MessageKind.Read, Argument = content };
        return link.Call(ref frame, default, _answer.View, deadline, out _);
    }

    /// <summary>Greets at once; everything else waits, and is answered with as many bytes of the wanted content.</summary>
    private sealed class SlowSession(ManualResetEventSlim mayAnswer) : IFrameSession
    {
        private readonly NativeBuffer _answer = NativeBuffer.Allocate(AnswerBytes);

        public NativeView Handle(ref FrameHeader frame, NativeView payload, long deadline)
        {
            frame.Status = WireStatus.Done;
            if (frame.Kind == MessageKind.Hello)
                return default;
            mayAnswer.Wait(TimeSpan.FromSeconds(30));
            _answer.AsSpan<byte>(0, AnswerBytes).Fill((byte)frame.Argument);
            frame.PayloadLength = AnswerBytes;
            frame.PayloadChecksum = Crc32C.Compute(_answer.View);
            return _answer.View;
        }

        public void Dispose() => _answer.Dispose();
    }
}
