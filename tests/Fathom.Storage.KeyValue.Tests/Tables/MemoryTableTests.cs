using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Tests.Tables;

public class MemoryTableTests
{
    private const int Tables = 200;
    private const int KeysBelow = 400;

    /// <summary>Each key arrives right in front of the one that the reader looks for, so that the link its walk ends on changes all the time.</summary>
    [Fact]
    public void LowerBound_WhileSmallerKeysArrive_IsNeverBelowItsKey()
    {
        var wanted = Key(KeysBelow);
        for (var i = 0; i < Tables; i++)
        {
            var table = new MemoryTable(1);
            table.Put(wanted, wanted);
            using var start = new Barrier(2);
            var isWritten = false;
            var writer = new Thread(() =>
            {
                start.SignalAndWait();
                for (var key = 0; key < KeysBelow; key++)
                    table.Put(Key(key), wanted);
                Volatile.Write(ref isWritten, true);
            });
            writer.Start();
            start.SignalAndWait();
            var answers = new HashSet<ulong>();
            var isFound = true;
            while (!Volatile.Read(ref isWritten))
            {
                answers.Add(BinaryPrimitives.ReadUInt64BigEndian(table.LowerBound(wanted)!.Key));
                isFound &= table.TryGet(wanted, out _);
            }
            writer.Join();
            Assert.All(answers, answer => Assert.Equal((ulong)KeysBelow, answer));
            Assert.True(isFound);
        }
    }

    [Fact]
    public void TryGet_ThousandsOfKeys_FindsEachWithItsLastValue()
    {
        var table = new MemoryTable(1);
        for (var round = 0; round < 2; round++)
        {
            for (var key = 0; key < 5000; key += 1 + round)
                table.Put(Key(key * 7919 % 5000), round == 0 ? [1] : key % 3 == 0 ? null : [2]);
        }
        Assert.Equal(5000, table.Count);
        for (var key = 0; key < 5000; key++)
        {
            var last = Enumerable.Range(0, 2500).Select(i => 2 * i).FirstOrDefault(i => i * 7919 % 5000 == key, -1);
            Assert.True(table.TryGet(Key(key), out var entry));
            Assert.Equal(last < 0 ? [1] : last % 3 == 0 ? null : [2], entry.Value);
        }
        Assert.False(table.TryGet(Key(5000), out _));
        Assert.False(table.TryGet([], out _));
    }

    private static byte[] Key(int number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        return key;
    }
}
