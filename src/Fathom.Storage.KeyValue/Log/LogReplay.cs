using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Log;

/// <summary>Reads the segments that the tree does not have into a memory table.</summary>
internal static class LogReplay
{
    /// <summary>What was found.</summary>
    /// <param name="Newest">Number of the newest segment; 0 when there is none.</param>
    /// <param name="Position">Where its whole frames end.</param>
    /// <param name="IsSealed">Whether it says that it is complete.</param>
    public readonly record struct Found(ulong Newest, long Position, bool IsSealed);

    /// <summary>Replays everything from the header's first segment on.</summary>
    /// <exception cref="StoreFormatException">A segment is missing, of another store, or damaged where it was durable.</exception>
    public static Found Run(string storePath, StoreHeader header, MemoryTable table)
    {
        var numbers = Segments(storePath).Where(number => number >= header.FirstSegment).Order().ToList();
        var expected = header.FirstSegment;
        // The segment that a header names was made before it; at least one of these is always there.
        if (numbers.Count == 0)
            throw Missing(storePath, expected);
        var found = default(Found);
        foreach (var number in numbers)
        {
            if (number != expected)
                throw Missing(storePath, expected);
            expected++;
            var isNewest = number == numbers[^1];
            found = Replay(storePath, header, number, isNewest, table);
        }
        return found;
    }

    /// <summary>Numbers of the segments beside a store, in no order.</summary>
    public static IEnumerable<ulong> Segments(string storePath)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(storePath))!;
        var prefix = Path.GetFileName(storePath) + ".wal.";
        foreach (var file in Directory.EnumerateFiles(folder, prefix + "*"))
        {
            if (ulong.TryParse(Path.GetFileName(file).AsSpan(prefix.Length), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var number))
                yield return number;
        }
    }

    private static Found Replay(string storePath, StoreHeader header, ulong number, bool isNewest, MemoryTable table)
    {
        var path = LogFormat.PathOf(storePath, number);
        var bytes = File.ReadAllBytes(path);
        if (!LogFormat.IsSegmentHeader(bytes, header.StoreId, number))
        {
            // A crash between the making of a segment and its first flush leaves one without a header; nothing was acknowledged from it.
            if (isNewest && number > header.FirstSegment && !HoldsFrames(bytes, 0, header.StoreId, number))
                return new Found(number, 0, false);
            throw new StoreFormatException(path, StoreFormatFault.Log, "is not this store's log segment");
        }
        var position = LogFormat.SegmentHeaderBytes;
        while (LogFormat.TryReadFrame(bytes, position, header.StoreId, number, out var frame))
        {
            if (frame.Kind == LogFormat.Seal)
                return new Found(number, position, true);
            Apply(path, frame, position, header.Kind, table);
            position = frame.EndPosition;
        }
        if (!isNewest)
            throw new StoreFormatException(path, StoreFormatFault.Log, "the log is damaged before its end", position);
        if (HoldsFlushedBeyond(bytes, position, header.StoreId, number))
            throw new StoreFormatException(path, StoreFormatFault.Log, "the log is damaged where it was durable", position);
        return new Found(number, position, false);
    }

    private static void Apply(string path, LogFrame frame, int position, KeyKind kind, MemoryTable table)
    {
        var payload = frame.Payload;
        for (var i = 0u; i < frame.Operations; i++)
        {
            if (!LogFormat.TryReadOperation(ref payload, out var key, out var value, out var isPut) || (kind == KeyKind.Fixed && key.Length != 8))
                throw new StoreFormatException(path, StoreFormatFault.Log, "a frame holds something else than operations", position);
            table.Put(key.ToArray(), isPut ? value.ToArray() : null);
        }
    }

    private static bool HoldsFrames(ReadOnlySpan<byte> segment, int from, ulong storeId, ulong number)
    {
        for (var position = from; position < segment.Length; position += 8)
        {
            if (LogFormat.TryReadFrame(segment, position, storeId, number, out _))
                return true;
        }
        return false;
    }

    private static bool HoldsFlushedBeyond(ReadOnlySpan<byte> segment, int torn, ulong storeId, ulong number)
    {
        for (var position = torn + 8; position < segment.Length; position += 8)
        {
            if (LogFormat.TryReadFrame(segment, position, storeId, number, out var frame) && frame.FlushedBytes > torn)
                return true;
        }
        return false;
    }

    private static StoreFormatException Missing(string storePath, ulong number) =>
        new(storePath, StoreFormatFault.LogMissing, $"log segment {LogFormat.PathOf(storePath, number)} is not there");
}
