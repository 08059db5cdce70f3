using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Hosting;

/// <summary>Asks a node that was started for chaos runs to fail on purpose.</summary>
public static class NodeFaults
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(2);

    /// <summary>Ends all its connections, wherever in a frame they stand.</summary>
    /// <exception cref="NodeConnectionException">It does not answer.</exception>
    public static void CutConnections(NodeEndpoint node) => Call(node, 1, 0, 0);

    /// <summary>Flips a bit in each of some fragments.</summary>
    /// <returns>How many were changed.</returns>
    /// <exception cref="NodeConnectionException">It does not answer.</exception>
    public static int FlipBits(NodeEndpoint node, int seed, int fragments) => Call(node, 2, seed, fragments);

    private static int Call(NodeEndpoint node, uint what, int seed, int count)
    {
        var deadline = FrameSocket.DeadlineAfter(CallTime);
        using var link = NodeLink.Connect(node, new CallerIdentity(CallerRole.Peer, 0), deadline);
        var frame = new FrameHeader { Kind = MessageKind.Disrupt, Argument2 = what, OperationId = (uint)seed, Argument = (ulong)count };
        // A cut ends this connection too: no answer is the answer.
        return link.Call(ref frame, default, default, deadline, out _) == FrameFault.None && frame.Status == WireStatus.Done ? (int)frame.Argument : 0;
    }
}
