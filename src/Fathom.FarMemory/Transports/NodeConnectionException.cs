using System.Net.Sockets;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Transports;

/// <summary>No connection to a node, or to the region directory, could be made.</summary>
public sealed class NodeConnectionException : FarMemoryException
{
    internal NodeConnectionException(NodeEndpoint endpoint, FrameFault fault, ushort peerVersion)
        : base(fault switch
        {
            FrameFault.Version => $"{endpoint} speaks version {peerVersion} of the far memory protocol, this process version {FrameHeader.CurrentVersion}.",
            FrameFault.NotOurs => $"{endpoint} does not speak the far memory protocol.",
            FrameFault.Deadline => $"{endpoint} did not answer in time.",
            _ => $"{endpoint} ended the greeting: {fault}.",
        })
    {
        Endpoint = endpoint;
        Fault = fault;
    }

    internal NodeConnectionException(NodeEndpoint endpoint, WireStatus status)
        : base($"{endpoint} refused the greeting: {status}.")
    {
        Endpoint = endpoint;
        Status = status;
    }

    internal NodeConnectionException(NodeEndpoint endpoint, Exception cause)
        : base($"{endpoint} cannot be reached: {cause.Message}", cause)
    {
        Endpoint = endpoint;
        Fault = FrameFault.Network;
        // A Unix socket whose file is gone says "not available", one whose file outlived its process refuses.
        IsRefused = cause is SocketException { SocketErrorCode: SocketError.ConnectionRefused }
            || (endpoint.Transport != TransportKind.Tcp && cause is SocketException { SocketErrorCode: SocketError.AddressNotAvailable });
    }

    /// <summary>Whom the connection was for.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>What went wrong on the way.</summary>
    public FrameFault Fault { get; }

    /// <summary>The machine answers, and nobody listens at this address: no process is there.</summary>
    public bool IsRefused { get; }

    /// <summary>What the peer answered, if it did.</summary>
    public WireStatus Status { get; }
}
