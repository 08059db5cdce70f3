using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Fathom.Memory;

namespace Fathom.Models.SafeTensors;

/// <summary>A memory-mapped safetensors file: u64 header length, JSON header, data.</summary>
/// <remarks>
/// As the reference implementation does, it wants the tensors to cover the data without hole or overlap.
/// The opener owns it; views end with it. Reading is thread-safe.
/// </remarks>
public sealed class SafeTensorsFile : IDisposable
{
    private const int HeaderBytesMax = 100_000_000;
    private const int DimensionsMax = 8;

    private readonly MappedFile _file;
    private readonly Dictionary<string, SafeTensor> _tensors;

    private SafeTensorsFile(MappedFile file, string path, Dictionary<string, SafeTensor> tensors)
    {
        _file = file;
        Path = path;
        _tensors = tensors;
    }

    /// <summary>Path it was opened by.</summary>
    public string Path { get; }

    /// <summary>The tensors, in no particular order.</summary>
    public IReadOnlyCollection<SafeTensor> Tensors => _tensors.Values;

    /// <summary>Maps and checks a file.</summary>
    /// <exception cref="SafeTensorsFormatException">The file breaks the format.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SafeTensorsFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            ReadOnlySpan<byte> head = file.View.Slice(0, Math.Min(file.Length, 8L + HeaderBytesMax)).AsSpan<byte>();
            return new SafeTensorsFile(file, path, Parse(head, file.Length, path));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Looks a tensor up by name.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out SafeTensor? tensor) => _tensors.TryGetValue(name, out tensor);

    /// <summary>Bytes of a tensor of this file; valid until the file is disposed.</summary>
    public NativeView View(SafeTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return _file.View.Slice(tensor.Offset, tensor.Bytes);
    }

    /// <summary>Lets the system take back the memory that holds a tensor's bytes; they stay readable.</summary>
    public void Release(SafeTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _file.Release(tensor.Offset, tensor.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Checks a header and lists its tensors.</summary>
    internal static Dictionary<string, SafeTensor> Parse(ReadOnlySpan<byte> head, long fileBytes, string origin)
    {
        if (head.Length < 8)
            throw new SafeTensorsFormatException(origin, "header length", $"the file has {fileBytes} bytes, too few to hold it");
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(head);
        if (headerBytes > HeaderBytesMax)
            throw new SafeTensorsFormatException(origin, "header length", $"is {headerBytes}; at most {HeaderBytesMax} is possible");
        if (headerBytes > (ulong)(head.Length - 8))
            throw new SafeTensorsFormatException(origin, "header length", $"is {headerBytes}, but the file has {fileBytes} bytes: truncated?");

        using JsonDocument header = StrictJson.Parse(head.Slice(8, (int)headerBytes).ToArray(), out string problem, out Exception? cause)
            ?? throw new SafeTensorsFormatException(origin, "header", problem, cause);
        if (header.RootElement.ValueKind != JsonValueKind.Object)
            throw new SafeTensorsFormatException(origin, "header", $"is a JSON {header.RootElement.ValueKind}, not an object");

        long dataStart = 8 + (long)headerBytes;
        var tensors = new Dictionary<string, SafeTensor>(StringComparer.Ordinal);
        foreach (JsonProperty property in header.RootElement.EnumerateObject())
        {
            if (property.Name != "__metadata__")
                tensors.Add(property.Name, ReadEntry(property, dataStart, fileBytes, origin));
        }

        RequireCover(tensors.Values, dataStart, fileBytes, origin);
        return tensors;
    }

    private static SafeTensor ReadEntry(JsonProperty property, long dataStart, long fileBytes, string origin)
    {
        string name = property.Name;
        JsonElement entry = property.Value;
        if (entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("dtype", out JsonElement type) || type.ValueKind != JsonValueKind.String
            || !entry.TryGetProperty("shape", out JsonElement sizes) || sizes.ValueKind != JsonValueKind.Array
            || !entry.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.ValueKind != JsonValueKind.Array
            || offsets.GetArrayLength() != 2)
        {
            throw new SafeTensorsFormatException(origin, name, "needs a dtype, a shape and two data_offsets");
        }

        string elementType = type.GetString()!;
        int bits = ElementBits(elementType);
        if (bits == 0)
            throw new SafeTensorsFormatException(origin, name, $"dtype {elementType} is unknown");
        if (sizes.GetArrayLength() > DimensionsMax)
            throw new SafeTensorsFormatException(origin, name, $"has {sizes.GetArrayLength()} dimensions; at most {DimensionsMax} are read");
        var shape = new long[sizes.GetArrayLength()];
        // The product stays below 2^60, so that its length in bits still fits.
        long values = 1;
        for (int d = 0; d < shape.Length; d++)
        {
            if (!TryGetSize(sizes[d], out shape[d]) || (shape[d] != 0 && values > (1L << 59) / shape[d]))
                throw new SafeTensorsFormatException(origin, name, $"dimension {d} is {sizes[d].GetRawText()}");
            values *= shape[d];
        }

        long dataBytes = fileBytes - dataStart;
        if (!TryGetSize(offsets[0], out long begin) || !TryGetSize(offsets[1], out long end) || begin > end || end > dataBytes)
            throw new SafeTensorsFormatException(origin, name, $"data_offsets {offsets.GetRawText()} are not inside the {dataBytes} bytes of data: truncated?");
        if ((UInt128)(ulong)values * (ulong)bits != (UInt128)(ulong)(end - begin) * 8)
            throw new SafeTensorsFormatException(origin, name, $"{values} values of {elementType} do not take the {end - begin} bytes of its data_offsets");
        return new SafeTensor(name, elementType, shape, dataStart + begin, end - begin);
    }

    private static bool TryGetSize(JsonElement element, out long size)
    {
        size = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out size) && size >= 0;
    }

    private static void RequireCover(IEnumerable<SafeTensor> tensors, long dataStart, long fileBytes, string origin)
    {
        long next = dataStart;
        foreach (SafeTensor tensor in tensors.OrderBy(t => t.Offset).ThenBy(t => t.Bytes))
        {
            if (tensor.Offset != next)
                throw new SafeTensorsFormatException(origin, tensor.Name, $"starts at {tensor.Offset - dataStart}, the one before it ends at {next - dataStart}");
            next = tensor.Offset + tensor.Bytes;
        }

        if (next != fileBytes)
            throw new SafeTensorsFormatException(origin, "data", $"{fileBytes - next} bytes at the end belong to no tensor");
    }

    private static int ElementBits(string elementType) => elementType switch
    {
        "F64" or "I64" or "U64" or "C64" => 64,
        "F32" or "I32" or "U32" => 32,
        "F16" or "BF16" or "I16" or "U16" => 16,
        "BOOL" or "I8" or "U8" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" or "F8_E4M3FNUZ" or "F8_E5M2FNUZ" => 8,
        "F4" => 4,
        _ => 0,
    };
}
