using System.Diagnostics;
using System.Net.Sockets;
using Fathom.FarMemory.Integrity;
using Fathom.Memory;

namespace Fathom.FarMemory.Wire;

/// <summary>Frames over one connected socket, blocking, with a deadline on every call.</summary>
/// <remarks>
/// One thread may send while another receives; the owner keeps each side to one thread at a time. After any fault but
/// <see cref="FrameFault.PayloadChecksum"/> the place in the stream is lost: the owner closes the connection. Nothing is allocated per frame.
/// </remarks>
internal sealed class FrameSocket : IDisposable
{
    /// <summary>A payload up to this size leaves in one call together with its header.</summary>
    private const int JoinedBytesMax = 128 << 10;

    private readonly Socket _socket;
    private readonly NativeBuffer _incoming = NativeBuffer.Allocate(JoinedBytesMax);
    private readonly NativeBuffer _outgoing = NativeBuffer.Allocate(FrameHeader.Bytes + JoinedBytesMax);
    private int _incomingStart;
    private int _incomingEnd;
    private int _receiveTimeoutMs;
    private int _sendTimeoutMs;
    private int _isClosed;

    public FrameSocket(Socket socket)
    {
        _socket = socket;
        _socket.Blocking = true;
        if (socket.ProtocolType == ProtocolType.Tcp)
            socket.NoDelay = true;
    }

    /// <summary>Name of the peer, for messages.</summary>
    public string Peer => _socket.RemoteEndPoint?.ToString() is { Length: > 0 } name ? name : "local peer";

    /// <summary>No deadline: used by a server that waits for the next request.</summary>
    public const long NoDeadline = long.MaxValue;

    /// <summary>A point in time, in ticks of <see cref="Stopwatch"/>.</summary>
    public static long DeadlineAfter(TimeSpan time) =>
        Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Sends one frame; the payload's checksum stands in the header already.</summary>
    /// <param name="header">Its mark, version and checksum are filled in.</param>
    /// <param name="payload">As long as the header says.</param>
    /// <param name="deadline">Point in time from <see cref="DeadlineAfter"/>.</param>
    public FrameFault Send(ref FrameHeader header, NativeView payload, long deadline)
    {
        Invariant.Check(header.PayloadLength == payload.Length);
        var joined = payload.Length <= JoinedBytesMax ? (int)payload.Length : 0;
        header.Write(_outgoing.AsSpan<byte>(0, FrameHeader.Bytes));
        if (joined > 0)
            payload.AsSpan<byte>().CopyTo(_outgoing.AsSpan<byte>(FrameHeader.Bytes, joined));
        var fault = SendAll(_outgoing.AsSpan<byte>(0, FrameHeader.Bytes + joined), deadline);
        return fault != FrameFault.None || joined == payload.Length ? fault : SendAll(payload.AsSpan<byte>(), deadline);
    }

    /// <summary>Sends bytes that are whole frames already.</summary>
    public FrameFault SendWhole(NativeView frames, long deadline) => SendAll(frames.AsSpan<byte>(), deadline);

    /// <summary>Whether bytes of a next frame have arrived already.</summary>
    public bool HasBuffered => _incomingEnd > _incomingStart;

    /// <summary>Receives and checks the next header.</summary>
    public FrameFault ReceiveHeader(out FrameHeader header, long deadline)
    {
        header = default;
        while (_incomingEnd - _incomingStart < FrameHeader.Bytes)
        {
            var fault = Fill(deadline);
            if (fault != FrameFault.None)
                return fault == FrameFault.Closed && _incomingEnd > _incomingStart ? FrameFault.CutShort : fault;
        }
        var result = FrameHeader.Read(_incoming.AsSpan<byte>(_incomingStart, FrameHeader.Bytes), out header);
        _incomingStart += FrameHeader.Bytes;
        return result;
    }

    /// <summary>Receives the payload of <paramref name="header"/> and compares it with its checksum.</summary>
    /// <param name="header">The header just received.</param>
    /// <param name="destination">Exactly as long as the payload.</param>
    /// <param name="deadline">Point in time from <see cref="DeadlineAfter"/>.</param>
    /// <param name="checksum">CRC32C of what arrived.</param>
    public FrameFault ReceivePayload(in FrameHeader header, NativeView destination, long deadline, out uint checksum)
    {
        checksum = 0;
        Invariant.Check(header.PayloadLength == destination.Length);
        var target = destination.AsSpan<byte>();
        var filled = TakeBuffered(target);
        while (filled < target.Length)
        {
            var fault = ReceiveSome(target[filled..], deadline, out var count);
            if (fault != FrameFault.None)
                return fault == FrameFault.Closed ? FrameFault.CutShort : fault;
            filled += count;
        }
        checksum = Crc32C.Compute(target);
        return checksum == header.PayloadChecksum ? FrameFault.None : FrameFault.PayloadChecksum;
    }

    /// <summary>Passes over a payload that nobody waits for any more.</summary>
    public FrameFault SkipPayload(in FrameHeader header, long deadline)
    {
        var left = (int)header.PayloadLength;
        while (true)
        {
            var buffered = Math.Min(left, _incomingEnd - _incomingStart);
            _incomingStart += buffered;
            left -= buffered;
            if (left == 0)
                return FrameFault.None;
            var fault = Fill(deadline);
            if (fault != FrameFault.None)
                return fault == FrameFault.Closed ? FrameFault.CutShort : fault;
        }
    }

    /// <summary>Ends both directions; a thread that waits on the socket wakes with a fault.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
            return;
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // The peer ended it first; closing is all that is left.
        }
        _socket.Close();
    }

    public void Dispose()
    {
        Close();
        _socket.Dispose();
        _incoming.Dispose();
        _outgoing.Dispose();
    }

    private int TakeBuffered(Span<byte> target)
    {
        var count = Math.Min(target.Length, _incomingEnd - _incomingStart);
        _incoming.AsSpan<byte>(_incomingStart, count).CopyTo(target);
        _incomingStart += count;
        return count;
    }

    private FrameFault Fill(long deadline)
    {
        if (_incomingStart > 0)
        {
            // Only the piece of a header moves: less than a hundred bytes.
            var rest = _incoming.AsSpan<byte>(_incomingStart, _incomingEnd - _incomingStart);
            rest.CopyTo(_incoming.AsSpan<byte>(0, rest.Length));
            _incomingEnd = rest.Length;
            _incomingStart = 0;
        }
        var fault = ReceiveSome(_incoming.AsSpan<byte>(_incomingEnd, (int)_incoming.Length - _incomingEnd), deadline, out var count);
        _incomingEnd += count;
        return fault;
    }

    private FrameFault ReceiveSome(Span<byte> target, long deadline, out int count)
    {
        count = 0;
        if (!TryTimeout(deadline, out var timeoutMs))
            return FrameFault.Deadline;
        try
        {
            if (timeoutMs != _receiveTimeoutMs)
                _socket.ReceiveTimeout = _receiveTimeoutMs = timeoutMs;
            count = _socket.Receive(target, SocketFlags.None, out var error);
            return error switch
            {
                SocketError.Success => count == 0 ? FrameFault.Closed : FrameFault.None,
                SocketError.TimedOut or SocketError.WouldBlock => FrameFault.Deadline,
                SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown or SocketError.OperationAborted => FrameFault.Closed,
                _ => FrameFault.Network,
            };
        }
        catch (ObjectDisposedException)
        {
            return FrameFault.Closed; // closed by another thread of ours: that is how a waiting receiver is ended
        }
        catch (SocketException)
        {
            return FrameFault.Network; // the time-out could not be set: the connection is going down
        }
    }

    private FrameFault SendAll(ReadOnlySpan<byte> bytes, long deadline)
    {
        while (bytes.Length > 0)
        {
            if (!TryTimeout(deadline, out var timeoutMs))
                return FrameFault.Deadline;
            try
            {
                if (timeoutMs != _sendTimeoutMs)
                    _socket.SendTimeout = _sendTimeoutMs = timeoutMs;
                var count = _socket.Send(bytes, SocketFlags.None, out var error);
                if (error is SocketError.TimedOut or SocketError.WouldBlock)
                    return FrameFault.Deadline;
                if (error != SocketError.Success)
                    return FrameFault.Network;
                bytes = bytes[count..];
            }
            catch (ObjectDisposedException)
            {
                return FrameFault.Closed;
            }
            catch (SocketException)
            {
                return FrameFault.Network;
            }
        }
        return FrameFault.None;
    }

    /// <summary>Time left in whole milliseconds, rounded up to a coarse step so that the option is set seldom; false when there is none.</summary>
    private static bool TryTimeout(long deadline, out int timeoutMs)
    {
        timeoutMs = 0; // to the socket: for ever
        if (deadline == NoDeadline)
            return true;
        var leftMs = (deadline - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency;
        if (leftMs < 0)
            return false;
        timeoutMs = (int)Math.Min(leftMs + 1, int.MaxValue);
        if (timeoutMs > 100)
            timeoutMs = (timeoutMs + 99) / 100 * 100;
        return true;
    }
}
