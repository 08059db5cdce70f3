using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Fathom.Kernels.Formats;

namespace Fathom.Models.Gguf;

/// <summary>Everything before the tensor data of a GGUF file: metadata and the checked list of tensors.</summary>
/// <remarks>Layout: magic, u32 version, u64 tensors, u64 key-values, the key-values, the tensor entries, padding, data.</remarks>
internal sealed class GgufDirectory
{
    public const int AlignmentDefault = 32;
    public const string AlignmentKey = "general.alignment";
    private const int DimensionsMax = 4;

    private GgufDirectory(uint version, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        Version = version;
        Metadata = metadata;
        Tensors = tensors;
    }

    public uint Version { get; }

    public GgufMetadata Metadata { get; }

    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Parses and checks a file's head.</summary>
    /// <param name="head">The file's bytes, or as many of its first bytes as a span holds.</param>
    /// <param name="fileBytes">Length of the whole file.</param>
    /// <param name="origin">The file's name, for messages.</param>
    /// <exception cref="GgufFormatException">Anything wrong with the format.</exception>
    /// <exception cref="UnsupportedModelException">A version or tensor type that is not implemented.</exception>
    public static GgufDirectory Parse(ReadOnlySpan<byte> head, long fileBytes, string origin)
    {
        var cursor = new GgufCursor(head, origin);
        uint version = ReadVersion(ref cursor, origin);
        // Smallest entries: an empty name, one dimension, type and offset; an empty key, a type and one byte.
        int tensorCount = cursor.Count("tensor count", bytesEachMin: 8);
        int valueCount = cursor.Count("metadata count", bytesEachMin: 13);

        var metadata = new GgufMetadata(origin);
        for (int i = 0; i < valueCount; i++)
        {
            string key = cursor.String($"metadata key {i}");
            if (key.Length == 0)
                throw new GgufFormatException(origin, $"metadata key {i}", "is empty");
            if (metadata.Contains(key))
                throw new GgufFormatException(origin, key, "metadata key appears twice");
            metadata.Set(key, cursor.Value(key));
        }

        int alignment = ReadAlignment(metadata, origin);
        if (tensorCount > cursor.Remaining / 32)
            throw new GgufFormatException(origin, "tensor count", $"{tensorCount} entries do not fit in the {cursor.Remaining} bytes that are left");
        var entries = new Entry[tensorCount];
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < tensorCount; i++)
        {
            entries[i] = ReadEntry(ref cursor, i, origin);
            if (!names.Add(entries[i].Name))
                throw new GgufFormatException(origin, entries[i].Name, "tensor name appears twice");
        }

        long dataStart = AlignUp(cursor.Position, alignment);
        var tensors = new GgufTensor[tensorCount];
        for (int i = 0; i < tensorCount; i++)
            tensors[i] = Place(entries[i], dataStart, fileBytes, alignment, origin);
        RefuseOverlaps(tensors, origin);
        return new GgufDirectory(version, metadata, tensors);
    }

    public static long AlignUp(long offset, int alignment) => checked((offset + alignment - 1) & -(long)alignment);

    private static uint ReadVersion(ref GgufCursor cursor, string origin)
    {
        ReadOnlySpan<byte> magic = cursor.Take(4, "magic");
        if (!magic.SequenceEqual("GGUF"u8))
            throw new GgufFormatException(origin, "magic", $"is 0x{Convert.ToHexString(magic)}, not \"GGUF\": not a GGUF file");
        uint version = cursor.UInt32("version");
        if (version is not (2 or 3))
        {
            bool swapped = BinaryPrimitives.ReverseEndianness(version) is 2 or 3;
            throw new UnsupportedModelException(origin, "version", swapped ? "a big-endian file" : $"is {version}; 2 and 3 are read");
        }

        return version;
    }

    private static int ReadAlignment(GgufMetadata metadata, string origin)
    {
        if (!metadata.TryGetInt32(AlignmentKey, out int alignment))
            return AlignmentDefault;
        if (alignment < 1 || alignment > 1 << 20 || !BitOperations.IsPow2(alignment))
            throw new GgufFormatException(origin, AlignmentKey, $"is {alignment}; a power of two up to 1048576 is needed");
        return alignment;
    }

    private static Entry ReadEntry(ref GgufCursor cursor, int index, string origin)
    {
        string field = string.Create(CultureInfo.InvariantCulture, $"tensor {index}");
        string name = cursor.String(field);
        if (name.Length == 0)
            throw new GgufFormatException(origin, field, "has an empty name");
        uint dimensions = cursor.UInt32(name);
        if (dimensions is 0 or > DimensionsMax)
            throw new GgufFormatException(origin, name, $"has {dimensions} dimensions; 1 to {DimensionsMax} are possible");
        var shape = new long[dimensions];
        long values = 1;
        for (int d = 0; d < shape.Length; d++)
        {
            ulong size = cursor.UInt64(name);
            if (size == 0 || size > (ulong)(long.MaxValue / values))
                throw new GgufFormatException(origin, name, $"dimension {d} is {size}");
            shape[d] = (long)size;
            values *= (long)size;
        }

        var type = (TensorType)cursor.UInt32(name);
        if (!BlockFormat.TryGet(type, out BlockFormat format))
            throw new UnsupportedModelException(origin, name, $"tensor type {(int)type} is not implemented");
        if (!format.Divides(shape[0]))
            throw new GgufFormatException(origin, name, $"rows of {shape[0]} values are not whole blocks of {format.ValuesPerBlock} ({type})");
        long rowBytes = shape[0] / format.ValuesPerBlock;
        if (rowBytes > long.MaxValue / format.BytesPerBlock || rowBytes * format.BytesPerBlock > long.MaxValue / (values / shape[0]))
            throw new GgufFormatException(origin, name, $"{values} values of {type} are more bytes than 64 bits count");
        return new Entry(name, type, shape, format.RowBytes(shape[0]) * (values / shape[0]), cursor.UInt64(name));
    }

    private static GgufTensor Place(Entry entry, long dataStart, long fileBytes, int alignment, string origin)
    {
        if (entry.Offset % (ulong)alignment != 0)
            throw new GgufFormatException(origin, entry.Name, $"offset {entry.Offset} is not a multiple of the alignment {alignment}");
        long dataBytes = fileBytes - dataStart;
        if (dataBytes < entry.Bytes || entry.Offset > (ulong)(dataBytes - entry.Bytes))
        {
            throw new GgufFormatException(
                origin, entry.Name, $"{entry.Bytes} bytes at data offset {entry.Offset} are not inside the {Math.Max(0, dataBytes)} bytes of data: truncated?");
        }

        return new GgufTensor(entry.Name, entry.Type, entry.Shape, dataStart + (long)entry.Offset, entry.Bytes);
    }

    /// <summary>Shared bytes would let a small file claim far more memory than it has.</summary>
    private static void RefuseOverlaps(GgufTensor[] tensors, string origin)
    {
        var ordered = (GgufTensor[])tensors.Clone();
        Array.Sort(ordered, static (a, b) => a.Offset.CompareTo(b.Offset));
        for (int i = 1; i < ordered.Length; i++)
        {
            if (ordered[i - 1].Offset + ordered[i - 1].Bytes > ordered[i].Offset)
                throw new GgufFormatException(origin, ordered[i].Name, $"overlaps tensor {ordered[i - 1].Name}");
        }
    }

    private readonly record struct Entry(string Name, TensorType Type, long[] Shape, long Bytes, ulong Offset);
}
