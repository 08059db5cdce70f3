using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Fathom.Bpf.Elf;

internal enum SectionKind : uint
{
    Null = 0,
    ProgramBits = 1,
    SymbolTable = 2,
    StringTable = 3,
    RelocationsWithAddend = 4,
    NoBits = 8,
    Relocations = 9,
}

internal sealed record ElfSection(int Index, string Name, SectionKind Kind, ulong Flags, ReadOnlyMemory<byte> Content, long SizeBytes, int Link, int Target, long EntryBytes)
{
    public bool IsExecutable => (Flags & 4) != 0;
}

internal readonly record struct ElfSymbol(int Index, string Name, byte Type, byte Binding, int Section, ulong Value, ulong SizeBytes)
{
    public const byte Object = 1;
    public const byte Function = 2;
    public const byte SectionSymbol = 3;
    public const byte Global = 1;

    public bool IsUndefined => Section == 0;
}

internal readonly record struct ElfRelocation(ulong Offset, uint Type, int Symbol);

/// <summary>Sections, symbols and relocations of a 64-bit little-endian ELF file for BPF. Nothing is trusted: every position is checked before it is read.</summary>
internal sealed class ElfFile
{
    private const int HeaderBytes = 64;
    private const int SectionHeaderBytes = 64;
    private const int SymbolBytes = 24;
    private const int RelocationBytes = 16;
    private const ushort RelocatableType = 1;
    private const ushort BpfMachine = 247;

    private readonly string _name;
    private readonly ReadOnlyMemory<byte> _bytes;

    private ElfFile(string name, ReadOnlyMemory<byte> bytes)
    {
        _name = name;
        _bytes = bytes;
    }

    public ImmutableArray<ElfSection> Sections { get; private set; } = [];

    public ImmutableArray<ElfSymbol> Symbols { get; private set; } = [];

    public static ElfFile Read(string name, ReadOnlyMemory<byte> bytes)
    {
        var file = new ElfFile(name, bytes);
        file.ReadSections();
        file.ReadSymbols();
        return file;
    }

    public ElfSection? Find(string name) => Sections.FirstOrDefault(section => section.Name == name);

    /// <summary>Relocations of a section, by offset.</summary>
    public ImmutableArray<ElfRelocation> RelocationsOf(ElfSection section)
    {
        var result = ImmutableArray.CreateBuilder<ElfRelocation>();
        foreach (var table in Sections)
        {
            if (table.Kind is not (SectionKind.Relocations or SectionKind.RelocationsWithAddend) || table.Target != section.Index)
                continue;
            if (table.Kind == SectionKind.RelocationsWithAddend)
                throw Fault(table.Name, "relocations with addends do not occur in BPF objects");
            if (table.EntryBytes != RelocationBytes || table.SizeBytes % RelocationBytes != 0)
                throw Fault(table.Name, $"{table.SizeBytes} bytes in entries of {table.EntryBytes} are no relocations of {RelocationBytes} bytes");
            for (var at = 0; at < table.Content.Length; at += RelocationBytes)
            {
                var entry = table.Content.Span.Slice(at, RelocationBytes);
                ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(entry), info = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
                if (offset >= (ulong)section.SizeBytes)
                    throw Fault(table.Name, $"relocation at {offset} of {section.Name}'s {section.SizeBytes} bytes");
                if (info >> 32 >= (ulong)Symbols.Length)
                    throw Fault(table.Name, $"relocation at {offset} refers to symbol {info >> 32} of {Symbols.Length}");
                result.Add(new ElfRelocation(offset, (uint)info, (int)(info >> 32)));
            }
        }
        result.Sort((a, b) => a.Offset.CompareTo(b.Offset));
        return result.ToImmutable();
    }

    private void ReadSections()
    {
        var header = _bytes.Span;
        if (header.Length < HeaderBytes || !header.StartsWith("\x7f"u8) || !header[1..].StartsWith("ELF"u8))
            throw Fault(null, $"no ELF file: {header.Length} bytes that do not begin with its mark");
        if (header[4] != 2)
            throw Fault(null, $"ELF class {header[4]} is not 2 (64 bits)");
        if (header[5] != 1)
            throw Fault(null, $"ELF byte order {header[5]} is not 1 (little endian)");
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(header[16..]), machine = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]);
        if (machine != BpfMachine)
            throw Fault(null, $"machine {machine} is not {BpfMachine} (BPF)");
        if (type != RelocatableType)
            throw Fault(null, $"ELF type {type} is not {RelocatableType} (relocatable)");
        var table = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
        int entry = BinaryPrimitives.ReadUInt16LittleEndian(header[58..]), count = BinaryPrimitives.ReadUInt16LittleEndian(header[60..]);
        int names = BinaryPrimitives.ReadUInt16LittleEndian(header[62..]);
        if (entry != SectionHeaderBytes)
            throw Fault(null, $"section headers of {entry} bytes, not {SectionHeaderBytes}");
        if (count == 0)
            throw Fault(null, "no sections");
        if (table > (ulong)header.Length || (ulong)count * SectionHeaderBytes > (ulong)header.Length - table)
            throw Fault(null, $"{count} section headers at {table} leave the file's {header.Length} bytes");
        if (names >= count)
            throw Fault(null, $"section {names} of {count} holds the names");
        CheckOverlap((long)table, count);
        var nameTable = Content((int)table, names, out _);
        var sections = ImmutableArray.CreateBuilder<ElfSection>(count);
        for (var i = 0; i < count; i++)
        {
            var row = header.Slice((int)table + (i * SectionHeaderBytes), SectionHeaderBytes);
            var content = Content((int)table, i, out var size);
            int link = BinaryPrimitives.ReadInt32LittleEndian(row[40..]), target = BinaryPrimitives.ReadInt32LittleEndian(row[44..]);
            sections.Add(new ElfSection(
                i, Text(nameTable.Span, BinaryPrimitives.ReadUInt32LittleEndian(row), $"name of section {i}"), (SectionKind)BinaryPrimitives.ReadUInt32LittleEndian(row[4..]),
                BinaryPrimitives.ReadUInt64LittleEndian(row[8..]), content, size, link, target, BinaryPrimitives.ReadInt64LittleEndian(row[56..])));
        }
        Sections = sections.MoveToImmutable();
    }

    private ReadOnlyMemory<byte> Content(int table, int index, out long sizeBytes)
    {
        var row = _bytes.Span.Slice(table + (index * SectionHeaderBytes), SectionHeaderBytes);
        var kind = (SectionKind)BinaryPrimitives.ReadUInt32LittleEndian(row[4..]);
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(row[24..]), size = BinaryPrimitives.ReadUInt64LittleEndian(row[32..]);
        if (size > int.MaxValue)
            throw Fault(null, $"section {index} of {size} bytes");
        sizeBytes = (long)size;
        if (kind is SectionKind.NoBits or SectionKind.Null)
            return default;
        if (offset > (ulong)_bytes.Length || size > (ulong)_bytes.Length - offset)
            throw Fault(null, $"section {index}: {size} bytes at {offset} leave the file's {_bytes.Length} bytes");
        return _bytes.Slice((int)offset, (int)size);
    }

    /// <summary>No byte of the file belongs to two sections, or to a section and the headers.</summary>
    private void CheckOverlap(long table, int count)
    {
        var extents = new List<(long Start, long End, string What)> { (0, HeaderBytes, "ELF header"), (table, table + ((long)count * SectionHeaderBytes), "section headers") };
        for (var i = 0; i < count; i++)
        {
            var content = Content((int)table, i, out _);
            if (content.IsEmpty)
                continue;
            var start = BinaryPrimitives.ReadInt64LittleEndian(_bytes.Span[((int)table + (i * SectionHeaderBytes) + 24)..]);
            extents.Add((start, start + content.Length, $"section {i}"));
        }
        extents.Sort();
        for (var i = 1; i < extents.Count; i++)
        {
            if (extents[i].Start < extents[i - 1].End)
                throw Fault(null, $"{extents[i].What} at {extents[i].Start} overlaps {extents[i - 1].What}, which ends at {extents[i - 1].End}");
        }
    }

    private void ReadSymbols()
    {
        var table = Sections.FirstOrDefault(section => section.Kind == SectionKind.SymbolTable);
        if (table is null)
            return;
        if (table.EntryBytes != SymbolBytes || table.SizeBytes % SymbolBytes != 0)
            throw Fault(table.Name, $"{table.SizeBytes} bytes in entries of {table.EntryBytes} are no symbols of {SymbolBytes} bytes");
        if ((uint)table.Link >= (uint)Sections.Length || Sections[table.Link].Kind != SectionKind.StringTable)
            throw Fault(table.Name, $"section {table.Link} holds no strings");
        var names = Sections[table.Link].Content.Span;
        var symbols = ImmutableArray.CreateBuilder<ElfSymbol>(table.Content.Length / SymbolBytes);
        for (var at = 0; at < table.Content.Length; at += SymbolBytes)
        {
            var row = table.Content.Span.Slice(at, SymbolBytes);
            var index = at / SymbolBytes;
            var section = BinaryPrimitives.ReadUInt16LittleEndian(row[6..]);
            var type = (byte)(row[4] & 0xf);
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(row[8..]), size = BinaryPrimitives.ReadUInt64LittleEndian(row[16..]);
            var name = Text(names, BinaryPrimitives.ReadUInt32LittleEndian(row), $"name of symbol {index}");
            const int Reserved = 0xff00;
            if (section < Reserved)
            {
                if (section >= Sections.Length)
                    throw Fault(table.Name, $"symbol {name} stands in section {section} of {Sections.Length}");
                var extent = (ulong)Sections[section].SizeBytes;
                if (section != 0 && (value > extent || size > extent - value))
                    throw Fault(table.Name, $"symbol {name}: {size} bytes at {value} leave the {extent} bytes of {Sections[section].Name}");
            }
            symbols.Add(new ElfSymbol(index, name, type, (byte)(row[4] >> 4), section, value, size));
        }
        Symbols = symbols.MoveToImmutable();
    }

    private string Text(ReadOnlySpan<byte> table, uint offset, string what)
    {
        if (offset == 0 && table.IsEmpty)
            return "";
        if (offset >= table.Length)
            throw Fault(null, $"{what} at {offset} of {table.Length} bytes of strings");
        var rest = table[(int)offset..];
        var end = rest.IndexOf((byte)0);
        return end >= 0 ? Encoding.UTF8.GetString(rest[..end]) : throw Fault(null, $"{what} does not end");
    }

    public InvalidObjectException Fault(string? section, string problem) => new(_name, section, problem);
}
