using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>One fragment to be made: where it goes, what it must be, and which of the request's parts are added up.</summary>
internal readonly record struct PullItem(FragmentRange Target, uint Checksum, int FirstPart, int Parts);

/// <summary>One part of a fragment: which of a peer's fragments it is, where that stands in the peer's answer, what it must be.</summary>
internal readonly record struct PullItemPart(PeerRead Read, int Index, long Offset, uint Checksum, byte Coefficient);

/// <summary>Everything that a pull wants of one peer.</summary>
internal sealed class PeerRead(PeerName peer)
{
    private long _fragmentBytes;

    public PeerName Peer { get; } = peer;

    public List<FragmentRange> From { get; } = [];

    public PeerCall? Call { get; set; }

    /// <summary>What became of the call as a whole.</summary>
    public WireStatus Status { get; set; }

    public NativeView Answer { get; set; }

    public long AnswerBytes => ManyFragments.StatusBytes(From.Count) + _fragmentBytes;

    /// <summary>Bytes in front of the next fragment, not counting the statuses.</summary>
    public long Add(in FragmentRange from)
    {
        var before = _fragmentBytes;
        From.Add(from);
        _fragmentBytes += from.Length;
        return before;
    }

    public WireStatus StatusOf(int fragment) => Status == WireStatus.Done ? ManyFragments.StatusAt(Answer, fragment) : Status;
}

/// <summary>The payload of a pull: peers, fragments to be made, and the parts that these are made of.</summary>
/// <remarks>One thread; reused for the next request. What comes in is hostile: all counts and lengths are checked here.</remarks>
internal sealed class PullRequest
{
    public const int PartsPerItemMax = 64;

    private const int ItemsMax = 1024;

    public List<PeerRead> Reads { get; } = [];

    public List<PullItem> Items { get; } = [];

    public List<PullItemPart> Parts { get; } = [];

    /// <summary>Bytes of all peers' answers.</summary>
    public long AnswerBytes { get; private set; }

    /// <summary>Bytes of the longest fragment.</summary>
    public long ItemBytesMax { get; private set; }

    /// <summary>Reads a payload.</summary>
    /// <returns>Whether it holds together and its memory is within a frame's bound.</returns>
    public bool TryRead(ReadOnlySpan<byte> payload)
    {
        Reads.Clear();
        Items.Clear();
        Parts.Clear();
        AnswerBytes = ItemBytesMax = 0;
        var words = new FragmentReader(payload);
        for (var peers = words.Byte(); peers > 0 && words.Holds; peers--)
            Reads.Add(new PeerRead(PeerName.Read(ref words)));
        var items = words.UInt16();
        if (!words.Holds || items is 0 or > ItemsMax)
            return false;
        for (; items > 0; items--)
        {
            if (!TryReadItem(ref words))
                return false;
        }
        if (words.Rest.Length != 0)
            return false;
        PlaceParts();
        return ItemBytesMax + AnswerBytes <= FrameHeader.PayloadBytesMax;
    }

    private bool TryReadItem(ref FragmentReader words)
    {
        var (target, checksum, parts) = (words.Fragment(), words.UInt32(), words.Byte());
        if (!words.Holds || target.Length is 0 or > FrameHeader.PayloadBytesMax || parts is 0 or > PartsPerItemMax)
            return false;
        Items.Add(new PullItem(target, checksum, Parts.Count, parts));
        ItemBytesMax = Math.Max(ItemBytesMax, target.Length);
        for (; parts > 0; parts--)
        {
            var part = PullPart.Read(ref words);
            if (!words.Holds || part.Peer >= Reads.Count || part.From.Length != target.Length)
                return false;
            var read = Reads[part.Peer];
            Parts.Add(new PullItemPart(read, read.From.Count, read.Add(part.From), part.Checksum, part.Coefficient));
        }
        return true;
    }

    /// <summary>Fragments stand behind the statuses, whose number is known only now.</summary>
    private void PlaceParts()
    {
        for (var i = 0; i < Parts.Count; i++)
            Parts[i] = Parts[i] with { Offset = Parts[i].Offset + ManyFragments.StatusBytes(Parts[i].Read.From.Count) };
        foreach (var read in Reads)
            AnswerBytes += read.AnswerBytes;
    }
}
