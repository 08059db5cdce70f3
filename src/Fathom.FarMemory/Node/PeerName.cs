using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Node;

/// <summary>Another node as a requester names it: where it listens and which life of it is meant.</summary>
internal readonly record struct PeerName(string Address, Incarnation Incarnation)
{
    private const int AddressBytesMax = 256;

    public static int Bytes(string address) => sizeof(ushort) + System.Text.Encoding.UTF8.GetByteCount(address) + sizeof(ulong);

    public static PeerName Read(ref FragmentReader words) => new(words.Text(AddressBytesMax), new Incarnation(words.UInt64()));

    public void Write(ref FragmentWriter words)
    {
        words.Text(Address);
        words.UInt64(Incarnation.Value);
    }
}

/// <summary>A fragment that a node pulls.</summary>
/// <param name="Peer">Place of its node in the request's list of peers.</param>
/// <param name="From">The fragment.</param>
/// <param name="Checksum">What its bytes must have.</param>
/// <param name="Coefficient">What they are multiplied by before they are added up.</param>
internal readonly record struct PullPart(byte Peer, FragmentRange From, uint Checksum, byte Coefficient)
{
    public const int Bytes = sizeof(byte) + FragmentReader.FragmentBytes + sizeof(uint) + sizeof(byte);

    public static PullPart Read(ref FragmentReader words) => new(words.Byte(), words.Fragment(), words.UInt32(), words.Byte());

    public void Write(ref FragmentWriter words)
    {
        words.Byte(Peer);
        words.Fragment(From);
        words.UInt32(Checksum);
        words.Byte(Coefficient);
    }
}

/// <summary>A parity node that a data node sends its share to.</summary>
/// <param name="Peer">Where it is.</param>
/// <param name="Parity">The parity that the new one starts from.</param>
/// <param name="Target">Where the new one will stand.</param>
/// <param name="Coefficient">What the difference is multiplied by.</param>
internal readonly record struct ParityPart(PeerName Peer, FragmentRange Parity, FragmentRange Target, byte Coefficient)
{
    public static int Bytes(string address) => PeerName.Bytes(address) + 2 * FragmentReader.FragmentBytes + sizeof(byte);

    public static ParityPart Read(ref FragmentReader words) =>
        new(PeerName.Read(ref words), words.Fragment(), words.Fragment(), words.Byte());

    public void Write(ref FragmentWriter words)
    {
        Peer.Write(ref words);
        words.Fragment(Parity);
        words.Fragment(Target);
        words.Byte(Coefficient);
    }
}
