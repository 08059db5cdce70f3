using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Fathom.Bpf.Elf;

namespace Fathom.Bpf.Btf;

/// <summary>A source line of a section's code.</summary>
internal readonly record struct BtfLine(uint OffsetBytes, string File, int Line, string Text);

/// <summary>A CO-RE relocation: the instruction at the offset holds something about a path through a type.</summary>
internal readonly record struct BtfRelocation(uint OffsetBytes, int Type, string Access, CoreKind Kind);

/// <summary>What a CO-RE relocation asks for.</summary>
internal enum CoreKind
{
    FieldOffset = 0,
    FieldSize = 1,
    FieldExists = 2,
    FieldSigned = 3,
    FieldShiftLeft = 4,
    FieldShiftRight = 5,
    TypeIdLocal = 6,
    TypeIdTarget = 7,
    TypeExists = 8,
    TypeSize = 9,
    EnumeratorExists = 10,
    EnumeratorValue = 11,
    TypeMatches = 12,
}

/// <summary>Section .BTF.ext: source lines and CO-RE relocations, by section name.</summary>
internal sealed class BtfExtension
{
    private const int HeaderBytes = 24;

    private readonly Dictionary<string, ImmutableArray<BtfLine>> _lines = [];
    private readonly Dictionary<string, ImmutableArray<BtfRelocation>> _relocations = [];

    public static BtfExtension Empty { get; } = new();

    public ImmutableArray<BtfLine> LinesOf(string section) => _lines.GetValueOrDefault(section, []);

    public ImmutableArray<BtfRelocation> RelocationsOf(string section) => _relocations.GetValueOrDefault(section, []);

    /// <param name="origin">For messages.</param>
    /// <param name="types">Types that relocations refer to.</param>
    /// <param name="section">Content of .BTF.ext; hostile.</param>
    /// <param name="btf">Content of .BTF, already checked: its strings are shared.</param>
    public static BtfExtension Parse(string origin, BtfTypes types, ReadOnlySpan<byte> section, ReadOnlySpan<byte> btf)
    {
        if (section.Length < HeaderBytes || BinaryPrimitives.ReadUInt16LittleEndian(section) != 0xEB9F || section[2] != 1)
            throw new InvalidObjectException(origin, ".BTF.ext", $"{section.Length} bytes do not begin with its header");
        var header = BinaryPrimitives.ReadUInt32LittleEndian(section[4..]);
        if (header < HeaderBytes || header > section.Length)
            throw new InvalidObjectException(origin, ".BTF.ext", $"header of {header} bytes in a section of {section.Length}");
        var strings = btf[(int)(BinaryPrimitives.ReadUInt32LittleEndian(btf[4..]) + BinaryPrimitives.ReadUInt32LittleEndian(btf[16..]))..];
        strings = strings[..(int)BinaryPrimitives.ReadUInt32LittleEndian(btf[20..])];
        var body = section[(int)header..];
        var result = new BtfExtension();
        var lines = new Records(origin, Part(origin, body, section[16..]), strings, 16);
        while (lines.NextSection(out var name, out var count))
        {
            var list = ImmutableArray.CreateBuilder<BtfLine>(count);
            for (var i = 0; i < count; i++)
            {
                var record = lines.NextRecord();
                var position = BinaryPrimitives.ReadUInt32LittleEndian(record[12..]);
                list.Add(new BtfLine(
                    BinaryPrimitives.ReadUInt32LittleEndian(record), lines.Text(BinaryPrimitives.ReadUInt32LittleEndian(record[4..])), (int)(position >> 10),
                    lines.Text(BinaryPrimitives.ReadUInt32LittleEndian(record[8..]))));
            }
            result._lines[name] = list.MoveToImmutable();
        }
        if (header < 32)
            return result;
        var relocations = new Records(origin, Part(origin, body, section[24..]), strings, 16);
        while (relocations.NextSection(out var name, out var count))
        {
            var list = ImmutableArray.CreateBuilder<BtfRelocation>(count);
            for (var i = 0; i < count; i++)
            {
                var record = relocations.NextRecord();
                uint type = BinaryPrimitives.ReadUInt32LittleEndian(record[4..]), kind = BinaryPrimitives.ReadUInt32LittleEndian(record[12..]);
                if (type >= types.Count || kind > (uint)CoreKind.TypeMatches)
                    throw new InvalidObjectException(origin, ".BTF.ext", $"relocation of kind {kind} refers to type {type} of {types.Count}");
                list.Add(new BtfRelocation(BinaryPrimitives.ReadUInt32LittleEndian(record), (int)type, relocations.Text(BinaryPrimitives.ReadUInt32LittleEndian(record[8..])), (CoreKind)kind));
            }
            result._relocations[name] = list.MoveToImmutable();
        }
        return result;
    }

    private static ReadOnlySpan<byte> Part(string origin, ReadOnlySpan<byte> body, ReadOnlySpan<byte> position)
    {
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(position), length = BinaryPrimitives.ReadUInt32LittleEndian(position[4..]);
        return offset <= body.Length && length <= body.Length - offset
            ? body.Slice((int)offset, (int)length)
            : throw new InvalidObjectException(origin, ".BTF.ext", $"{length} bytes at {offset} leave its {body.Length} bytes");
    }

    /// <summary>Records of equal size in groups by section.</summary>
    private ref struct Records
    {
        private readonly string _origin;
        private readonly ReadOnlySpan<byte> _strings;
        private readonly int _recordBytes;
        private ReadOnlySpan<byte> _rest;

        public Records(string origin, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> strings, int recordBytesMin)
        {
            _origin = origin;
            _strings = strings;
            if (bytes.IsEmpty)
                return;
            var recordBytes = bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
            if (recordBytes < recordBytesMin || recordBytes > bytes.Length)
                throw new InvalidObjectException(origin, ".BTF.ext", $"records of {recordBytes} bytes");
            _recordBytes = (int)recordBytes;
            _rest = bytes[4..];
        }

        public bool NextSection(out string name, out int count)
        {
            (name, count) = ("", 0);
            if (_rest.IsEmpty)
                return false;
            if (_rest.Length < 8)
                throw new InvalidObjectException(_origin, ".BTF.ext", $"{_rest.Length} bytes are left for a group of records");
            name = Text(BinaryPrimitives.ReadUInt32LittleEndian(_rest));
            var records = BinaryPrimitives.ReadUInt32LittleEndian(_rest[4..]);
            _rest = _rest[8..];
            if (records * (long)_recordBytes > _rest.Length)
                throw new InvalidObjectException(_origin, ".BTF.ext", $"{records} records of {_recordBytes} bytes in {_rest.Length} bytes");
            count = (int)records;
            return true;
        }

        public ReadOnlySpan<byte> NextRecord()
        {
            var record = _rest[.._recordBytes];
            _rest = _rest[_recordBytes..];
            return record;
        }

        public readonly string Text(uint offset)
        {
            if (offset == 0 && _strings.IsEmpty)
                return "";
            if (offset >= _strings.Length)
                throw new InvalidObjectException(_origin, ".BTF.ext", $"text at {offset} of {_strings.Length} bytes of strings");
            var rest = _strings[(int)offset..];
            return Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)0)]);
        }
    }
}
