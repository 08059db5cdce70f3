using System.Buffers.Binary;
using Fathom.Storage.KeyValue;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Cli.Commands.Kv;

/// <summary>The writes of a crash test: a function of seed, writer and number, so that whoever knows what was acknowledged knows what must be there.</summary>
internal static class CrashWorkload
{
    /// <summary>Threads that write, each to keys of its own.</summary>
    public const int Writers = 4;

    private const int KeysPerWriter = 1500;
    private const int BatchMax = 5;

    /// <summary>Small tables: merges and new log segments all the time.</summary>
    public static KeyValueOptions Options(Durability durability) => new()
    {
        Durability = durability,
        MemoryTableBytes = 256 << 10,
        PageCacheBytes = 128 << 10,
        ObjectCacheBytes = 512 << 10,
        FlushInterval = TimeSpan.FromMilliseconds(5),
    };

    /// <summary>The kind of store that a seed tests.</summary>
    public static StoreShape ShapeOf(int seed) => seed % 2 == 0 ? StoreShape.Variable : StoreShape.Fixed;

    /// <summary>Keys and values of one commit of a writer; null deletes.</summary>
    public static IReadOnlyList<(byte[] Key, byte[]? Value)> Commit(KeyKind kind, int seed, int writer, long number)
    {
        var random = new Random(HashCode(seed, writer, number));
        var count = random.Next(4) == 0 ? random.Next(2, BatchMax) : 1;
        var writes = new List<(byte[], byte[]?)>();
        for (var i = 0; i < count; i++)
        {
            var key = Key(kind, writer, random.Next(KeysPerWriter));
            if (random.Next(8) == 0)
            {
                writes.Add((key, null));
                continue;
            }
            var value = new byte[random.Next(random.Next(16) == 0 ? 20_000 : 600)];
            random.NextBytes(value);
            writes.Add((key, value));
        }
        return writes;
    }

    private static byte[] Key(KeyKind kind, int writer, int number)
    {
        if (kind == KeyKind.Variable)
            return System.Text.Encoding.ASCII.GetBytes($"writer{writer}/record{number * 7919 % KeysPerWriter}");
        var key = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(key, (long)number << 8 | (long)writer);
        return key;
    }

    /// <summary>The same in every process, which System.HashCode is not.</summary>
    private static int HashCode(int seed, int writer, long number)
    {
        var z = unchecked((ulong)seed * 0x9e3779b97f4a7c15 + (ulong)writer * 0xd1342543de82ef95 + (ulong)number * 0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 30)) * 0x94d049bb133111eb;
        return (int)(z >> 33);
    }
}
