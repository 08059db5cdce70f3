using System.Buffers.Binary;
using System.Text;
using Fathom.Bpf.Btf;
using Fathom.Bpf.Elf;

namespace Fathom.Bpf.Tests.Elf;

/// <summary>Object files that lie, each with the error it gets.</summary>
public class HostileObjectTests
{
    private static byte[] Good => File.ReadAllBytes(Path.Combine(TreeFiles.Objects, "radix_walk.bpf.o"));

    [Fact]
    public void Open_Empty_Refuses() => Refuses([], "no ELF file");

    [Fact]
    public void Open_WrongClass_Refuses() => Refuses(With(4, 1), "ELF class 1");

    [Fact]
    public void Open_BigEndian_Refuses() => Refuses(With(5, 2), "byte order 2");

    [Fact]
    public void Open_WrongMachine_Refuses() => Refuses(With(18, 62), "machine 62");

    [Fact]
    public void Open_Executable_Refuses() => Refuses(With(16, 2), "ELF type 2");

    [Fact]
    public void Open_SectionHeadersOutOfFile_Refuses() => Refuses(With64(40, 1UL << 40), "section headers");

    [Fact]
    public void Open_SectionHeadersOverflow_Refuses() => Refuses(With64(40, ulong.MaxValue - 63), "section headers");

    [Fact]
    public void Open_ZeroSectionHeaderSize_Refuses() => Refuses(With(58, 0), "section headers of 0 bytes");

    [Fact]
    public void Open_NoSectionNames_Refuses() => Refuses(With(62, 200), "holds the names");

    [Fact]
    public void Open_SectionOutOfFile_Refuses() => Refuses(Section(".BTF", 24, 1UL << 33), "leave the file's");

    [Fact]
    public void Open_SectionSizeOverflow_Refuses() => Refuses(Section(".BTF", 32, ulong.MaxValue), "section");

    [Fact]
    public void Open_OverlappingSections_Refuses() => Refuses(Section(".BTF", 24, 70), "overlaps");

    [Fact]
    public void Open_SectionNameOutOfStrings_Refuses() => Refuses(Section(".BTF", 0, 0xFFFFFF, bytes: 4), "strings");

    [Fact]
    public void Open_ZeroSymbolSize_Refuses() => Refuses(Section(".symtab", 56, 0), "no symbols");

    [Fact]
    public void Open_SymbolsWithoutStrings_Refuses() => Refuses(Section(".symtab", 40, 3, bytes: 4), "holds no strings");

    [Fact]
    public void Open_RelocationsOfZeroSize_Refuses() => Refuses(Section(".relstruct_ops/fathom_step", 56, 0), "no relocations");

    [Fact]
    public void Open_RelocationToMissingSymbol_Refuses() => Refuses(Content(".relstruct_ops/fathom_step", 12, 0xFFFFFF), "refers to symbol");

    [Fact]
    public void Open_RelocationBeyondSection_Refuses() => Refuses(Content(".relstruct_ops/fathom_step", 0, 0xFFFF0), "relocation at");

    [Fact]
    public void Open_RelocationInsideInstruction_Refuses() => Refuses(Content(".relstruct_ops/fathom_step", 0, 4), "inside of an instruction");

    [Fact]
    public void Open_RelocationOfUnknownType_Refuses() => Refuses(Content(".relstruct_ops/fathom_step", 8, 77), "relocation of type 77");

    [Fact]
    public void Open_RelocationToNothing_Refuses() => Refuses(Content(".relstruct_ops/fathom_step", 12, 0), "");

    [Fact]
    public void Open_BtfWrongMagic_Refuses() => Refuses(Content(".BTF", 0, 0x12345678), "magic");

    [Fact]
    public void Open_BtfTypesOutOfSection_Refuses() => Refuses(Content(".BTF", 12, 0x7FFFFFFF), "leave its");

    [Fact]
    public void Parse_TypeBeyondCount_Refuses() => RefusesTypes([Type(2, 9)], "refers to type 9 of 2");

    [Fact]
    public void Open_Truncated_RefusesAtEachLength()
    {
        var good = Good;
        for (var length = 0; length < good.Length; length += 7)
            Assert.Throws<InvalidObjectException>(() => BpfObject.Open("cut.o", good.AsMemory(0, length)));
    }

    [Fact]
    public void Parse_TypedefOfItself_RefusesAsCycle() => RefusesTypes([Type(8, 1)], "contains itself");

    [Fact]
    public void Parse_StructureInsideItself_RefusesAsCycle() => RefusesTypes([[.. Type(4, 8, members: 1), .. Words(0, 1, 0)]], "contains itself");

    [Fact]
    public void Parse_CycleOfQualifiers_RefusesAsCycle() => RefusesTypes([Type(9, 2), Type(10, 3), Type(11, 1)], "contains itself");

    [Fact]
    public void Parse_HugeArrayOfArrays_RefusesAsTooLarge() => RefusesTypes(
        [[.. Type(1, 8), .. Words(64)], [.. Type(3, 0), .. Words(1, 1, 0x40000000)], [.. Type(3, 0), .. Words(2, 1, 0x40000000)]], "too large");

    [Fact]
    public void Parse_MemberBeyondItsStructure_Refuses() =>
        RefusesTypes([[.. Type(1, 8), .. Words(64)], [.. Type(4, 8, members: 1), .. Words(0, 1, 64)]], "leaves its 8 bytes");

    [Fact]
    public void Parse_UnknownKind_Refuses() => RefusesTypes([Type(31, 0)], "kind 31");

    [Fact]
    public void Parse_CountBeyondSection_Refuses() => RefusesTypes([Type(4, 8, members: 60000)], "members");

    [Fact]
    public void Parse_LongChainOfTypedefs_EndsWithoutRecursion()
    {
        const int Length = 200_000;
        var types = Enumerable.Range(1, Length).Select(id => Type(8, id == Length ? 0 : id + 1)).ToArray();
        Assert.Equal(Length + 1, BtfTypes.Parse("chain", Types(types)).Count);
    }

    [Fact]
    public void Parse_PointerToItself_IsNoCycle()
    {
        var types = BtfTypes.Parse("list", Types([[.. Type(4, 8, members: 1), .. Words(0, 2, 0)], Type(2, 1)]));
        Assert.Equal(8, types.SizeOf(1));
    }

    private static void Refuses(byte[] file, string part)
    {
        var error = Assert.Throws<InvalidObjectException>(() => BpfObject.Open("bad.o", file));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static void RefusesTypes(byte[][] types, string part) =>
        Assert.Contains(part, Assert.Throws<InvalidObjectException>(() => BtfTypes.Parse("bad", Types(types))).Message, StringComparison.Ordinal);

    private static byte[] Words(params uint[] words) => [.. words.SelectMany(BitConverter.GetBytes)];

    private static byte[] Type(uint kind, int sizeOrType, uint members = 0) => Words(0, (kind << 24) | members, (uint)sizeOrType);

    private static byte[] Types(byte[][] types)
    {
        byte[] body = [.. types.SelectMany(type => type)];
        return [.. Words(0x0001EB9F, 24, 0, (uint)body.Length, (uint)body.Length, 1), .. body, 0];
    }

    private static byte[] With(int at, ushort value)
    {
        var file = Good;
        if (at < 6)
            file[at] = (byte)value;
        else
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);
        return file;
    }

    private static byte[] With64(int at, ulong value)
    {
        var file = Good;
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
        return file;
    }

    private static byte[] Section(string name, int field, ulong value, int bytes = 8)
    {
        var file = Good;
        BitConverter.GetBytes(value).AsSpan(0, bytes).CopyTo(file.AsSpan(HeaderOf(file, name) + field));
        return file;
    }

    private static byte[] Content(string name, int at, uint value)
    {
        var file = Good;
        var offset = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(HeaderOf(file, name) + 24));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset + at), value);
        return file;
    }

    private static int HeaderOf(byte[] file, string name)
    {
        var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(40));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(60)), names = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(62));
        var strings = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(table + (names * 64) + 24));
        for (var i = 0; i < count; i++)
        {
            var text = file.AsSpan(strings + BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(table + (i * 64))));
            if (Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]) == name)
                return table + (i * 64);
        }
        throw new InvalidOperationException($"no section {name}");
    }
}
