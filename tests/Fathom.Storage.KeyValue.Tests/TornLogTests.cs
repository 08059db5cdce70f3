using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests;

/// <summary>The newest log segment cut or torn at every byte: what was whole before the cut is there, nothing else is.</summary>
public class TornLogTests
{
    private const int Commits = 6;

    [Fact]
    public void Log_CutAtEveryByte_KeepsEveryWholeCommit()
    {
        using var temporary = Written(out var log, out var ends, Durability.None);
        for (var length = 64; length <= log.Length; length++)
            AssertHolds(temporary, log[..length], ends.Count(end => end <= length));
    }

    [Fact]
    public void Log_ZeroedFromEveryByte_KeepsEveryWholeCommit()
    {
        using var temporary = Written(out var log, out var ends, Durability.None);
        for (var from = 64; from <= log.Length; from += 3)
        {
            var torn = log.ToArray();
            torn.AsSpan(from).Clear();
            // A frame whose last bytes were zero anyway is whole.
            AssertHolds(temporary, torn, ends.Count(end => torn.AsSpan(0, end).SequenceEqual(log.AsSpan(0, end))));
        }
    }

    [Fact]
    public void Log_DamagedWhereItWasFlushed_IsAnError()
    {
        using var temporary = Written(out var log, out var ends, Durability.Commit);
        for (var at = 64; at < ends[^2]; at += 5)
        {
            var damaged = log.ToArray();
            damaged[at] ^= 0x10;
            Replace(temporary, damaged);
            // Damage in the padding behind a frame's operations is within its checksum too.
            var fault = Assert.Throws<StoreFormatException>(() => temporary.Open().Dispose());
            Assert.Equal(StoreFormatFault.Log, fault.Fault);
        }
    }

    [Fact]
    public void Log_ReplayedTwice_GivesTheSame()
    {
        using var temporary = Written(out _, out _, Durability.None);
        for (var i = 0; i < 3; i++)
        {
            using var store = temporary.Open();
            Assert.Equal(Commits, store.Range([]).Count());
        }
        Assert.Equal(Commits, temporary.Check().LogEntries);
    }

    /// <summary>A store whose log has some commits; their ends in the log.</summary>
    private static TemporaryStore Written(out byte[] log, out List<int> ends, Durability durability)
    {
        var temporary = new TemporaryStore(KeyKind.Variable);
        ends = [];
        var options = TemporaryStore.Options with { Durability = durability };
        using (var store = temporary.Open(options))
        {
            for (var i = 0; i < Commits; i++)
            {
                store.Put([(byte)i, 1], new byte[5 * i + 1]);
                ends.Add((int)store.Statistics().LogBytes);
            }
        }
        log = File.ReadAllBytes(LogPath(temporary));
        return temporary;
    }

    private static void AssertHolds(TemporaryStore temporary, byte[] log, int commits)
    {
        Replace(temporary, log);
        using var store = temporary.Open();
        Assert.Equal(Enumerable.Range(0, commits).Select(i => (byte)i), store.Range([]).Select(pair => pair.Key[0]));
    }

    private static void Replace(TemporaryStore temporary, byte[] log)
    {
        var path = LogPath(temporary);
        foreach (var segment in Directory.EnumerateFiles(Path.GetDirectoryName(temporary.Path)!, "*.wal.*").Where(segment => !segment.EndsWith("00000001", StringComparison.Ordinal)))
            File.Delete(segment);
        File.WriteAllBytes(path, log);
    }

    /// <summary>Opening made segment 2 behind the first, which the creation made.</summary>
    private static string LogPath(TemporaryStore temporary) => temporary.Path + ".wal.00000002";
}
