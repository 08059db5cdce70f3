using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fathom.FarMemory.Transports;

/// <summary>How the bytes of a span travel.</summary>
public enum TransportKind
{
    /// <summary>TCP, to any machine.</summary>
    Tcp,

    /// <summary>A Unix socket, on one machine.</summary>
    Unix,

    /// <summary>Loads and stores in memory that both processes map, on one Linux machine; control operations over a Unix socket.</summary>
    SharedMemory,
}

/// <summary>Where a node or the region directory listens: "10.0.0.7:7070", "unix:/run/node.sock" or "shm:/run/node.sock".</summary>
/// <param name="Transport">How its bytes travel.</param>
/// <param name="Address">Host and port, or the path of the socket.</param>
public sealed record NodeEndpoint(TransportKind Transport, string Address)
{
    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">Not such a text.</exception>
    public static NodeEndpoint Parse(string text)
    {
        if (text.StartsWith("unix:", StringComparison.Ordinal))
            return new NodeEndpoint(TransportKind.Unix, CheckPath(text["unix:".Length..]));
        if (text.StartsWith("shm:", StringComparison.Ordinal))
            return new NodeEndpoint(TransportKind.SharedMemory, CheckPath(text["shm:".Length..]));
        var address = text.StartsWith("tcp:", StringComparison.Ordinal) ? text["tcp:".Length..] : text;
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw new FormatException($"'{text}' is not an address such as 127.0.0.1:7070, unix:/run/node.sock or shm:/run/node.sock.");
        return new NodeEndpoint(TransportKind.Tcp, address);
    }

    /// <summary>The text form.</summary>
    public override string ToString() => Transport switch
    {
        TransportKind.Unix => $"unix:{Address}",
        TransportKind.SharedMemory => $"shm:{Address}",
        _ => Address,
    };

    /// <summary>The address as the system's sockets take it.</summary>
    /// <exception cref="SocketException">The host name has no address.</exception>
    internal EndPoint ToEndPoint()
    {
        if (Transport != TransportKind.Tcp)
            return new UnixDomainSocketEndPoint(Address);
        var colon = Address.LastIndexOf(':');
        var host = Address[..colon].Trim('[', ']');
        var port = int.Parse(Address.AsSpan(colon + 1), CultureInfo.InvariantCulture);
        return IPAddress.TryParse(host, out var ip) ? new IPEndPoint(ip, port) : new IPEndPoint(Dns.GetHostAddresses(host)[0], port);
    }

    internal Socket CreateSocket(EndPoint at) => Transport == TransportKind.Tcp
        ? new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private static string CheckPath(string path)
    {
        const int pathBytesMax = 107; // sun_path with its final zero
        return path.Length > 0 && System.Text.Encoding.UTF8.GetByteCount(path) <= pathBytesMax
            ? path
            : throw new FormatException($"'{path}' must be the path of a socket, 1 to {pathBytesMax} bytes long.");
    }
}
