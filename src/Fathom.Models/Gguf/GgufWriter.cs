using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Models.Gguf;

/// <summary>
/// Writes a GGUF v3 file: the head at once, then the tensors' bytes in any order and from any thread.
/// </summary>
/// <remarks>
/// The file appears under its name only when <see cref="Complete"/> is called; until then it grows beside it with the suffix
/// <c>.partial</c>, which disposal removes. <see cref="Write"/> may be called concurrently, everything else by the owner.
/// </remarks>
public sealed class GgufWriter : IDisposable
{
    private readonly string _path;
    private readonly string _partialPath;
    private readonly SafeFileHandle _file;
    private readonly IReadOnlyList<GgufTensorPlan> _tensors;
    private readonly long[] _offsets;
    private readonly int _alignment;

    private GgufWriter(string path, SafeFileHandle file, string partialPath, IReadOnlyList<GgufTensorPlan> tensors, long[] offsets, int alignment)
    {
        _path = path;
        _file = file;
        _partialPath = partialPath;
        _tensors = tensors;
        _offsets = offsets;
        _alignment = alignment;
    }

    /// <summary>Length of the finished file in bytes.</summary>
    public long Bytes => _tensors.Count == 0 ? _offsets[0] : GgufDirectory.AlignUp(_offsets[^1], _alignment);

    /// <summary>Creates the file and writes metadata and tensor directory.</summary>
    /// <param name="path">Where the file is to appear; an existing one is replaced on completion.</param>
    /// <param name="metadata">Key-values, written in their order; <c>general.alignment</c> among them is honoured.</param>
    /// <param name="tensors">Tensors in file order.</param>
    /// <exception cref="ArgumentException">Two tensors of one name, or a shape that its type cannot store.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static GgufWriter Create(string path, GgufMetadata metadata, IReadOnlyList<GgufTensorPlan> tensors)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(tensors);
        int alignment = metadata.TryGetInt32(GgufDirectory.AlignmentKey, out int stated) ? stated : GgufDirectory.AlignmentDefault;
        byte[] head = Head(metadata, tensors, alignment, out long[] offsets);

        string partialPath = path + ".partial";
        SafeFileHandle file = File.OpenHandle(partialPath, FileMode.Create, FileAccess.Write, FileShare.None);
        var writer = new GgufWriter(path, file, partialPath, tensors, offsets, alignment);
        try
        {
            RandomAccess.SetLength(file, writer.Bytes);
            RandomAccess.Write(file, head, 0);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Writes bytes of one tensor. Thread-safe for ranges that do not overlap.</summary>
    /// <param name="tensor">Index into the list given to <see cref="Create"/>.</param>
    /// <param name="offsetBytes">First byte within the tensor.</param>
    /// <param name="bytes">What to write there.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the tensor.</exception>
    public void Write(int tensor, long offsetBytes, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offsetBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offsetBytes, _tensors[tensor].Bytes - bytes.Length);
        RandomAccess.Write(_file, bytes, _offsets[tensor] + offsetBytes);
    }

    /// <summary>Finishes the file and gives it its name.</summary>
    public void Complete()
    {
        _file.Dispose();
        File.Move(_partialPath, _path, overwrite: true);
    }

    /// <summary>Closes the file; one that was not completed is removed.</summary>
    public void Dispose()
    {
        if (_file.IsClosed)
            return;
        _file.Dispose();
        File.Delete(_partialPath);
    }

    /// <summary>Bytes before the data, padded; <paramref name="offsets"/> are file offsets of the tensors and of the end.</summary>
    private static byte[] Head(GgufMetadata metadata, IReadOnlyList<GgufTensorPlan> tensors, int alignment, out long[] offsets)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        offsets = new long[tensors.Count + 1];
        using var stream = new MemoryStream();
        using var head = new BinaryWriter(stream, Encoding.UTF8);
        head.Write("GGUF"u8);
        head.Write(3u);
        head.Write((ulong)tensors.Count);
        head.Write((ulong)metadata.Keys.Count);
        foreach (string key in metadata.Keys)
        {
            WriteString(head, key);
            WriteValue(head, metadata[key]);
        }

        long dataOffset = 0;
        for (int i = 0; i < tensors.Count; i++)
        {
            GgufTensorPlan tensor = tensors[i];
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"two tensors are named {tensor.Name}", nameof(tensors));
            WriteString(head, tensor.Name);
            head.Write((uint)tensor.Shape.Length);
            foreach (long size in tensor.Shape)
                head.Write((ulong)size);
            head.Write((uint)tensor.Type);
            head.Write((ulong)dataOffset);
            offsets[i] = dataOffset;
            offsets[i + 1] = checked(dataOffset + tensor.Bytes);
            dataOffset = GgufDirectory.AlignUp(offsets[i + 1], alignment);
        }

        long dataStart = GgufDirectory.AlignUp(stream.Length, alignment);
        while (stream.Length < dataStart)
            head.Write((byte)0);
        for (int i = 0; i < offsets.Length; i++)
            offsets[i] += dataStart;
        head.Flush();
        return stream.ToArray();
    }

    private static void WriteString(BinaryWriter head, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        head.Write((ulong)bytes.Length);
        head.Write(bytes);
    }

    private static void WriteValue(BinaryWriter head, GgufValue value)
    {
        head.Write((uint)value.Type);
        if (value.Content is not Array array)
        {
            WriteScalar(head, value.Content);
            return;
        }

        head.Write((uint)value.ElementType);
        head.Write((ulong)array.Length);
        foreach (object element in array)
            WriteScalar(head, element);
    }

    private static void WriteScalar(BinaryWriter head, object scalar)
    {
        switch (scalar)
        {
            case string text: WriteString(head, text); break;
            case bool v: head.Write(v); break;
            case byte v: head.Write(v); break;
            case sbyte v: head.Write(v); break;
            case ushort v: head.Write(v); break;
            case short v: head.Write(v); break;
            case uint v: head.Write(v); break;
            case int v: head.Write(v); break;
            case ulong v: head.Write(v); break;
            case long v: head.Write(v); break;
            case float v: head.Write(v); break;
            case double v: head.Write(v); break;
            default: throw new ArgumentException($"GGUF has no value type for {scalar.GetType().Name}", nameof(scalar));
        }
    }
}
