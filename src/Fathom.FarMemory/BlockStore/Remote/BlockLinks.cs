using System.Diagnostics;
using System.Text;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.BlockStore.Remote;

/// <summary>Connections to a block server, each with one question in work.</summary>
/// <remarks>
/// Any thread may call. As many connections as there are calls at once, up to a bound; further calls wait for one until their deadline. After
/// a failed attempt to connect the next waits for a pause, so that a dead server costs its callers nothing.
/// </remarks>
internal sealed class BlockLinks(NodeEndpoint endpoint, string name, int linksMax) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _free = new(linksMax, linksMax);
    private readonly Lock _lock = new();
    private readonly Stack<NodeLink> _idle = new();
    private readonly HashSet<NodeLink> _inUse = [];
    private long _tryAgainAt; // ticks of Stopwatch
    private bool _disposed;

    /// <summary>Asks a question and waits for the answer on the calling thread.</summary>
    /// <param name="frame">The question; becomes the answer.</param>
    /// <param name="payload">Of the question.</param>
    /// <param name="destination">Receives the answer's payload; untouched once the call has returned.</param>
    /// <param name="deadline">Point in time from <see cref="FrameSocket.DeadlineAfter"/>.</param>
    /// <param name="cancellation">Ends the connection and with it the call.</param>
    /// <param name="received">Bytes of the answer's payload.</param>
    /// <returns>Whether the server answered that it understood.</returns>
    public bool TryAsk(
        ref FrameHeader frame, NativeView payload, NativeView destination, long deadline, CancellationToken cancellation, out int received)
    {
        received = 0;
        if (!WaitForTurn(deadline, cancellation))
            return false;
        NodeLink? link = null;
        try
        {
            link = Take(deadline);
            if (link is null)
                return false;
            using var end = cancellation.UnsafeRegister(static state => ((NodeLink)state!).Break(), link);
            frame.Kind = MessageKind.Blocks;
            frame.PayloadChecksum = payload.Length == 0 ? 0 : Crc32C.Compute(payload);
            return link.Call(ref frame, payload, destination, deadline, out received) == FrameFault.None && frame.Status == WireStatus.Done;
        }
        finally
        {
            if (link is not null)
                Return(link);
            _free.Release();
        }
    }

    /// <summary>Ends every connection; calls under way fail.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_idle.TryPop(out var link))
                link.Dispose();
            foreach (var link in _inUse)
                link.Break();
        }
    }

    private bool WaitForTurn(long deadline, CancellationToken cancellation)
    {
        try
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline);
            return left > TimeSpan.Zero && _free.Wait(left, cancellation);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private NodeLink? Take(long deadline)
    {
        lock (_lock)
        {
            if (_disposed || (_idle.Count == 0 && Stopwatch.GetTimestamp() < _tryAgainAt))
                return null;
            if (_idle.TryPop(out var idle))
            {
                _inUse.Add(idle);
                return idle;
            }
        }
        NodeLink? link = null;
        try
        {
            link = NodeLink.Connect(endpoint, new CallerIdentity(CallerRole.Compute, 0), deadline);
            if (Open(link, deadline))
            {
                lock (_lock)
                {
                    if (!_disposed)
                    {
                        _inUse.Add(link);
                        return link;
                    }
                }
            }
        }
        catch (NodeConnectionException)
        {
            // Counted below: whoever asked hears that the store is unreachable.
        }
        link?.Dispose();
        lock (_lock)
            _tryAgainAt = Stopwatch.GetTimestamp() + (long)(Pause.TotalSeconds * Stopwatch.Frequency);
        return null;
    }

    private bool Open(NodeLink link, long deadline)
    {
        using var payload = NativeBuffer.Allocate(BlockFrame.NameBytesMax);
        var view = payload.View.Slice(0, Encoding.UTF8.GetBytes(name, payload.AsSpan<byte>(0, BlockFrame.NameBytesMax)));
        var frame = new FrameHeader
        {
            Kind = MessageKind.Blocks,
            Argument2 = (uint)BlockQuestion.Open,
            PayloadChecksum = view.Length == 0 ? 0 : Crc32C.Compute(view),
        };
        return link.Call(ref frame, view, default, deadline, out _) == FrameFault.None && frame.Status == WireStatus.Done;
    }

    private void Return(NodeLink link)
    {
        lock (_lock)
        {
            _inUse.Remove(link);
            if (!_disposed && !link.IsBroken)
            {
                _idle.Push(link);
                return;
            }
        }
        link.Dispose();
    }
}
