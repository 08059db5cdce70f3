namespace Fathom.FarMemory.Transports;

/// <summary>Seam between a pool and its memory nodes: sockets, shared memory, or a simulated network.</summary>
/// <remarks>Called by the host of the pool's state machine, in the order in which the machine asked.</remarks>
internal interface INodeTransport
{
    /// <summary>
    /// Sends a request. A transport that can answer on the spot, as shared memory can, returns true with the reply. Otherwise the host
    /// gets the reply later: the machine keeps the time itself and cancels what it no longer waits for. Every request ends either with
    /// a reply or, once cancelled, with the host telling the machine that it is forgotten; only then is the object used again.
    /// </summary>
    bool Send(NodeRequest request, out NodeReply reply);

    /// <summary>Forgets a request. When this returns, nothing writes to its destination or reads its payload any more.</summary>
    void Cancel(NodeRequest request);
}
