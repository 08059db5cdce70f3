using System.Buffers.Binary;
using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Node;

/// <summary>Fragments and peers as they stand in payloads: fixed little-endian words, read with every bound checked.</summary>
internal ref struct FragmentReader(ReadOnlySpan<byte> bytes)
{
    /// <summary>Bytes of one fragment.</summary>
    public const int FragmentBytes = 24;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>False as soon as something ran over the end or out of range; what was read after that means nothing.</summary>
    public bool Holds { get; private set; } = true;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    public byte Byte()
    {
        var taken = Take(sizeof(byte));
        return taken.IsEmpty ? (byte)0 : taken[0];
    }

    public ushort UInt16()
    {
        var taken = Take(sizeof(ushort));
        return taken.IsEmpty ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(taken);
    }

    public uint UInt32()
    {
        var taken = Take(sizeof(uint));
        return taken.IsEmpty ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(taken);
    }

    public ulong UInt64()
    {
        var taken = Take(sizeof(ulong));
        return taken.IsEmpty ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(taken);
    }

    public FragmentRange Fragment()
    {
        var region = UInt32();
        var length = UInt32();
        var offset = UInt64();
        var generation = UInt64();
        Holds &= region <= ushort.MaxValue;
        return new FragmentRange(new RegionId((ushort)region), offset, length, new Generation(generation));
    }

    public string Text(int bytesMax)
    {
        var length = UInt16();
        Holds &= length <= bytesMax;
        return Holds ? System.Text.Encoding.UTF8.GetString(Take(length)) : "";
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        Holds &= count <= _rest.Length;
        if (!Holds)
            return default;
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}

/// <summary>Writes what <see cref="FragmentReader"/> reads.</summary>
internal ref struct FragmentWriter(Span<byte> bytes)
{
    private readonly Span<byte> _bytes = bytes;

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public void Byte(byte value) => Next(sizeof(byte))[0] = value;

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Next(sizeof(ushort)), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Next(sizeof(uint)), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Next(sizeof(ulong)), value);

    public void Fragment(in FragmentRange fragment)
    {
        UInt32(fragment.Region.Value);
        UInt32(fragment.Length);
        UInt64(fragment.Offset);
        UInt64(fragment.Generation.Value);
    }

    public void Text(string value)
    {
        var length = System.Text.Encoding.UTF8.GetByteCount(value);
        UInt16((ushort)length);
        System.Text.Encoding.UTF8.GetBytes(value, Next(length));
    }

    private Span<byte> Next(int count)
    {
        var next = _bytes.Slice(Length, count);
        Length += count;
        return next;
    }
}
