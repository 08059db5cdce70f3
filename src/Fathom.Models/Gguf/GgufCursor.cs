using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Fathom.Models.Gguf;

/// <summary>Reads the head of a GGUF file forward; every length is checked against what is left before it is used.</summary>
internal ref struct GgufCursor
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _data;
    private readonly string _origin;

    public GgufCursor(ReadOnlySpan<byte> data, string origin)
    {
        _data = data;
        _origin = origin;
    }

    public int Position { get; private set; }

    public readonly int Remaining => _data.Length - Position;

    public ReadOnlySpan<byte> Take(ulong bytes, string field)
    {
        if (bytes > (ulong)Remaining)
            throw Bad(field, $"needs {bytes} bytes at offset {Position}, {Remaining} are left: the file is truncated or the length is wrong");
        ReadOnlySpan<byte> taken = _data.Slice(Position, (int)bytes);
        Position += (int)bytes;
        return taken;
    }

    public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, field));

    public ulong UInt64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, field));

    public string String(string field)
    {
        ReadOnlySpan<byte> bytes = Take(UInt64(field), field);
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new GgufFormatException(_origin, field, $"string of {bytes.Length} bytes before offset {Position} is not valid UTF-8", e);
        }
    }

    /// <summary>A count of things of which each takes at least <paramref name="bytesEachMin"/> of the remaining bytes.</summary>
    public int Count(string field, int bytesEachMin)
    {
        ulong count = UInt64(field);
        if (count > (ulong)(Remaining / bytesEachMin))
            throw Bad(field, $"{count} entries do not fit in the {Remaining} bytes that are left");
        return (int)count;
    }

    public GgufValueType ValueType(string field)
    {
        uint number = UInt32(field);
        return number <= (uint)GgufValueType.Float64 ? (GgufValueType)number : throw Bad(field, $"unknown value type {number}");
    }

    public GgufValue Value(string field)
    {
        GgufValueType type = ValueType(field);
        return type switch
        {
            GgufValueType.String => GgufValue.From(String(field)),
            GgufValueType.Array => Array(field),
            GgufValueType.Bool => GgufValue.From(Bool(Take(1, field)[0], field)),
            GgufValueType.UInt8 => GgufValue.From(Take(1, field)[0]),
            GgufValueType.Int8 => GgufValue.From((sbyte)Take(1, field)[0]),
            GgufValueType.UInt16 => GgufValue.From(BinaryPrimitives.ReadUInt16LittleEndian(Take(2, field))),
            GgufValueType.Int16 => GgufValue.From(BinaryPrimitives.ReadInt16LittleEndian(Take(2, field))),
            GgufValueType.UInt32 => GgufValue.From(UInt32(field)),
            GgufValueType.Int32 => GgufValue.From((int)UInt32(field)),
            GgufValueType.Float32 => GgufValue.From(BinaryPrimitives.ReadSingleLittleEndian(Take(4, field))),
            GgufValueType.UInt64 => GgufValue.From(UInt64(field)),
            GgufValueType.Int64 => GgufValue.From((long)UInt64(field)),
            _ => GgufValue.From(BinaryPrimitives.ReadDoubleLittleEndian(Take(8, field))),
        };
    }

    private GgufValue Array(string field)
    {
        GgufValueType type = ValueType(field);
        switch (type)
        {
            case GgufValueType.Array: throw Bad(field, "an array of arrays");
            case GgufValueType.UInt8: return GgufValue.From(Numbers<byte>(field));
            case GgufValueType.Int8: return GgufValue.From(Numbers<sbyte>(field));
            case GgufValueType.UInt16: return GgufValue.From(Numbers<ushort>(field));
            case GgufValueType.Int16: return GgufValue.From(Numbers<short>(field));
            case GgufValueType.UInt32: return GgufValue.From(Numbers<uint>(field));
            case GgufValueType.Int32: return GgufValue.From(Numbers<int>(field));
            case GgufValueType.Float32: return GgufValue.From(Numbers<float>(field));
            case GgufValueType.UInt64: return GgufValue.From(Numbers<ulong>(field));
            case GgufValueType.Int64: return GgufValue.From(Numbers<long>(field));
            case GgufValueType.Float64: return GgufValue.From(Numbers<double>(field));
            case GgufValueType.Bool:
                byte[] bytes = Numbers<byte>(field);
                var booleans = new bool[bytes.Length];
                for (int i = 0; i < bytes.Length; i++)
                    booleans[i] = Bool(bytes[i], field);
                return GgufValue.From(booleans);
            default:
                var strings = new string[Count(field, bytesEachMin: 8)];
                for (int i = 0; i < strings.Length; i++)
                    strings[i] = String(field);
                return GgufValue.From(strings);
        }
    }

    /// <summary>Little-endian numbers; the file's byte order is the machine's on everything .NET 10 runs on here.</summary>
    private T[] Numbers<T>(string field)
        where T : unmanaged
    {
        int bytesEach = Marshal.SizeOf<T>();
        int count = Count(field, bytesEach);
        var numbers = new T[count];
        MemoryMarshal.Cast<byte, T>(Take((ulong)count * (ulong)bytesEach, field)).CopyTo(numbers);
        return numbers;
    }

    private readonly bool Bool(byte stored, string field) =>
        stored <= 1 ? stored == 1 : throw Bad(field, $"boolean stored as {stored}");

    private readonly GgufFormatException Bad(string field, string problem) => new(_origin, field, problem);
}
