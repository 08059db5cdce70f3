using System.Buffers.Binary;
using System.Numerics;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>The file that look-ups walk: search trees whose upper levels a store would hold in memory, so that each look-up reads one block a level.</summary>
/// <remarks>
/// A block is the paper's node: number of keys (u32), level (u32, 0 for a leaf), 31 keys and 31 children (u64), 504 of 512 bytes.
/// The trees stand side by side over keys 0, 1, 2…; blocks are scattered over the file, so that neighbours in a tree are none on the drive.
/// </remarks>
internal sealed class LookUpIndex
{
    public const int BlockBytes = 512;
    public const int KeysOffset = 8;
    public const int ChildrenOffset = 256;
    public const int KeysMax = 31;

    private readonly long _blocksPerTree;
    private readonly long _blocks;
    private readonly long _stride;

    /// <param name="depth">Blocks that a look-up reads.</param>
    /// <param name="fileBytes">Room for the trees; at least one stands in it.</param>
    public LookUpIndex(int depth, long fileBytes)
    {
        Depth = depth;
        FanOut = KeysMax;
        while (FanOut > 2 && BlocksOf(FanOut, depth) * BlockBytes > fileBytes / 64)
            FanOut--;
        _blocksPerTree = BlocksOf(FanOut, depth);
        Trees = long.Max(1, fileBytes / BlockBytes / _blocksPerTree);
        _blocks = Trees * _blocksPerTree;
        KeysPerTree = (long)BigInteger.Pow(FanOut, depth);
        _stride = StrideOf(_blocks);
    }

    /// <summary>Blocks that a look-up reads.</summary>
    public int Depth { get; }

    /// <summary>Children of a node.</summary>
    public int FanOut { get; }

    /// <summary>Trees in the file.</summary>
    public long Trees { get; }

    /// <summary>Keys of a tree.</summary>
    public long KeysPerTree { get; }

    /// <summary>Keys in the file: 0 and on.</summary>
    public long Keys => Trees * KeysPerTree;

    /// <summary>Size of the file.</summary>
    public long FileBytes => _blocks * BlockBytes;

    /// <summary>Where the look-up of a key begins.</summary>
    public long RootOffset(long key) => OffsetOf(key / KeysPerTree * _blocksPerTree);

    /// <summary>What a look-up of a key must find.</summary>
    public static ulong ValueOf(ulong key) => (key + 1) * 0x9E3779B97F4A7C15;

    /// <summary>One step of a look-up: the child or value for a key; false when the block is no node or holds no such key.</summary>
    public static bool TrySearch(ReadOnlySpan<byte> block, ulong key, out ulong child, out bool isLeaf)
    {
        child = 0;
        isLeaf = false;
        if (block.Length < BlockBytes)
            return false;
        var count = BinaryPrimitives.ReadUInt32LittleEndian(block);
        if (count > KeysMax)
            return false;
        var index = 0;
        while (index < (int)count && BinaryPrimitives.ReadUInt64LittleEndian(block[(KeysOffset + (index * 8))..]) <= key)
            index++;
        if (index == 0)
            return false;
        child = BinaryPrimitives.ReadUInt64LittleEndian(block[(ChildrenOffset + ((index - 1) * 8))..]);
        isLeaf = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]) == 0;
        return true;
    }

    /// <summary>Writes the file, unless one of this shape is there.</summary>
    public void Write(string path, Action<double>? progress, CancellationToken cancellation)
    {
        if (File.Exists(path) && new FileInfo(path).Length == FileBytes)
            return;
        var partial = path + ".partial";
        using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 4 << 20))
        {
            // Places in order, for a sequential write; place p holds block p · stride⁻¹.
            var inverse = (long)BigInteger.ModPow(_stride, Totient(_blocks) - 1, _blocks);
            var block = new byte[BlockBytes];
            for (long place = 0, number = 0; place < _blocks; place++, number = (number + inverse) % _blocks)
            {
                Fill(block, number);
                stream.Write(block);
                if ((place & 0xffff) == 0)
                {
                    cancellation.ThrowIfCancellationRequested();
                    progress?.Invoke((double)place / _blocks);
                }
            }
            stream.Flush(flushToDisk: true);
        }
        File.Move(partial, path, overwrite: true);
    }

    private static long BlocksOf(int fanOut, int depth)
    {
        long blocks = 0;
        for (var (level, width) = (0, 1L); level < depth; level++, width *= fanOut)
            blocks += width;
        return blocks;
    }

    private static long StrideOf(long blocks)
    {
        // The golden section of the file, moved until every block has a place of its own.
        var stride = (long)(blocks * 0.6180339887498949) | 1;
        while (BigInteger.GreatestCommonDivisor(stride, blocks) != 1)
            stride += 2;
        return blocks == 1 ? 1 : stride;
    }

    private static BigInteger Totient(long number)
    {
        BigInteger totient = number;
        var rest = number;
        for (long prime = 2; prime * prime <= rest; prime++)
        {
            if (rest % prime != 0)
                continue;
            totient -= totient / prime;
            while (rest % prime == 0)
                rest /= prime;
        }
        return rest > 1 ? totient - (totient / rest) : totient;
    }

    private long OffsetOf(long number) => (long)((UInt128)number * (UInt128)_stride % (UInt128)_blocks) * BlockBytes;

    private void Fill(Span<byte> block, long number)
    {
        var (tree, inTree) = (number / _blocksPerTree, number % _blocksPerTree);
        var (level, width, first) = (Depth - 1, 1L, 0L); // level 0 are the leaves
        while (inTree >= first + width)
        {
            first += width;
            width *= FanOut;
            level--;
        }
        var index = inTree - first;
        var keysPerChild = (long)BigInteger.Pow(FanOut, level);
        var firstKey = (tree * KeysPerTree) + (index * FanOut * keysPerChild);
        block.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(block, (uint)FanOut);
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], (uint)level);
        for (var i = 0; i < FanOut; i++)
        {
            var key = (ulong)(firstKey + (i * keysPerChild));
            var child = level == 0 ? ValueOf(key) : (ulong)OffsetOf((tree * _blocksPerTree) + first + width + (index * FanOut) + i);
            BinaryPrimitives.WriteUInt64LittleEndian(block[(KeysOffset + (i * 8))..], key);
            BinaryPrimitives.WriteUInt64LittleEndian(block[(ChildrenOffset + (i * 8))..], child);
        }
    }
}
