using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Hosting;

/// <summary>Lets compute processes of other processes and machines reach a region directory. Owned by its process.</summary>
public sealed class DirectoryServer : IDisposable
{
    private const int ConnectionsMax = 256;

    private readonly FrameListener _listener;

    private DirectoryServer(NodeEndpoint listen, RegionDirectory directory, ILogger logger) =>
        _listener = FrameListener.Start(listen, ConnectionsMax, () => new Session(directory), logger);

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public NodeEndpoint Endpoint => _listener.Endpoint;

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">TCP or a Unix socket.</param>
    /// <param name="directory">Stays the caller's.</param>
    /// <param name="logger">Where connections that end badly are noted.</param>
    /// <exception cref="NodeConnectionException">The address cannot be listened on.</exception>
    public static DirectoryServer Start(NodeEndpoint listen, RegionDirectory directory, ILogger logger) => new(listen, directory, logger);

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private sealed class Session(RegionDirectory directory) : IFrameSession
    {
        private readonly GrowingBuffer _answer = new();
        private bool _hasGreeted;

        public NativeView Handle(ref FrameHeader frame, NativeView payload, long deadline)
        {
            var answer = default(NativeView);
            frame.Incarnation = directory.Term;
            if (frame.Kind == MessageKind.Hello)
            {
                _hasGreeted = true;
                frame.Status = WireStatus.Done;
            }
            else
            {
                frame.Status = _hasGreeted && frame.Kind == MessageKind.Directory ? Answer(ref frame, ref answer) : WireStatus.BadRequest;
            }
            frame.PayloadLength = (uint)answer.Length;
            frame.PayloadChecksum = answer.Length == 0 ? 0 : Crc32C.Compute(answer);
            return answer;
        }

        public void Dispose() => _answer.Dispose();

        private WireStatus Answer(ref FrameHeader frame, ref NativeView answer)
        {
            var lease = new DirectoryLease(new ComputeId(frame.OperationId), new Epoch(frame.Epoch));
            var node = new NodeId((ushort)frame.Region);
            if (directory.IsReplaced)
                return WireStatus.Busy;
            switch ((DirectoryQuestion)frame.Argument2)
            {
                case DirectoryQuestion.Open:
                    if (!directory.TryOpen(out lease))
                        return WireStatus.Busy;
                    frame.OperationId = lease.Owner.Value;
                    frame.Epoch = lease.Epoch.Value;
                    return WireStatus.Done;
                case DirectoryQuestion.Poll:
                    var view = directory.Poll(lease, new PoolReport(lease.Owner.Value, (long)frame.Argument, (long)frame.Offset, (long)frame.Generation));
                    if (view.IsFenced)
                        return WireStatus.Fenced;
                    answer = Write(view);
                    return WireStatus.Done;
                case DirectoryQuestion.Allot:
                    if (!directory.TryAllot(lease, node, out var grant))
                        return WireStatus.Full;
                    frame.Region = grant.Region.Value;
                    frame.Generation = grant.Incarnation.Value;
                    frame.Argument = (ulong)grant.Bytes;
                    return WireStatus.Done;
                case DirectoryQuestion.Release:
                    directory.Release(lease, node);
                    return WireStatus.Done;
                case DirectoryQuestion.Close:
                    directory.Close(lease);
                    return WireStatus.Done;
                default:
                    return WireStatus.BadRequest;
            }
        }

        private NativeView Write(DirectoryView view)
        {
            var entries = view.Nodes.Select(node => (Node: node, Address: node.Endpoint.ToString())).ToList();
            var bytes = sizeof(uint) + entries.Sum(entry => sizeof(ushort) + sizeof(byte) + PeerName.Bytes(entry.Address));
            var answer = _answer.View(bytes);
            var words = new FragmentWriter(answer.AsSpan<byte>());
            words.UInt32((uint)entries.Count);
            foreach (var (node, address) in entries)
            {
                words.UInt16(node.Id.Value);
                words.Byte((byte)node.State);
                words.UInt64(node.Incarnation.Value);
                words.Text(address);
            }
            return answer;
        }
    }
}
