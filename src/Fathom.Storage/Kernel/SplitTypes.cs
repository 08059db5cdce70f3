using System.Buffers.Binary;
using System.Text;

namespace Fathom.Storage.Kernel;

/// <summary>The types of a kernel module (BTF), which are numbered after, and take names from, those of the kernel.</summary>
/// <remarks>
/// The kernel has some 100,000 types, of which only the count and the names are needed: they are passed over, not read.
/// Source: the kernel's Documentation/bpf/btf.rst.
/// </remarks>
internal sealed class SplitTypes
{
    public const int KindStruct = 4;
    public const int KindFunction = 12;

    private const int HeaderBytes = 24;

    private readonly byte[] _base;
    private readonly byte[] _module;
    private readonly int _baseStrings;
    private readonly uint _baseStringsBytes;
    private readonly int _strings;
    private readonly Dictionary<(int Kind, string Name), (uint Id, int At)> _types = [];

    private SplitTypes(byte[] kernel, byte[] module)
    {
        (_base, _module) = (kernel, module);
        _baseStrings = Strings(kernel);
        _baseStringsBytes = Word(kernel, 20);
        _strings = Strings(module);
        var id = 1u;
        for (var at = Types(kernel, out var end); at < end; at += Length(kernel, at))
            id++;
        for (var at = Types(module, out var end); at < end; at += Length(module, at))
            _types[(KindOf(module, at), Name(Word(module, at)))] = (id++, at);
    }

    /// <summary>Reads the types of a module that is loaded.</summary>
    /// <exception cref="IOException">They are not there.</exception>
    public static SplitTypes Read(string module) =>
        new(File.ReadAllBytes("/sys/kernel/btf/vmlinux"), File.ReadAllBytes($"/sys/kernel/btf/{module}"));

    /// <summary>The number of a type, which the kernel knows it by.</summary>
    public uint IdOf(int kind, string name) => Find(kind, name).Id;

    /// <summary>Bytes of a structure.</summary>
    public uint SizeOf(string structure) => Word(_module, Find(KindStruct, structure).At + 8);

    /// <summary>Index and offset of a structure's member.</summary>
    public (uint Index, uint OffsetBytes) MemberOf(string structure, string member)
    {
        var at = Find(KindStruct, structure).At;
        var count = Word(_module, at + 4) & 0xFFFF;
        for (var i = 0u; i < count; i++)
        {
            var entry = at + 12 + ((int)i * 12);
            if (Name(Word(_module, entry)) == member)
                return (i, (Word(_module, entry + 8) & 0xFF_FFFF) / 8);
        }
        throw new KeyNotFoundException($"struct {structure} has no member {member}.");
    }

    private (uint Id, int At) Find(int kind, string name) =>
        _types.TryGetValue((kind, name), out var found) ? found : throw new KeyNotFoundException($"The module has no type {name}.");

    private static uint Word(byte[] types, int at) => BinaryPrimitives.ReadUInt32LittleEndian(types.AsSpan(at));

    private static int Types(byte[] types, out int end)
    {
        var start = (int)(Word(types, 4) + Word(types, 8));
        end = start + (int)Word(types, 12);
        return start;
    }

    private static int Strings(byte[] types) => (int)(Word(types, 4) + Word(types, 16));

    private static int KindOf(byte[] types, int at) => (int)(Word(types, at + 4) >> 24) & 0x1F;

    private static int Length(byte[] types, int at)
    {
        var count = (int)(Word(types, at + 4) & 0xFFFF);
        return 12 + (KindOf(types, at) switch
        {
            1 or 14 or 17 => 4, // number, variable, declaration tag
            3 => 12, // array
            KindStruct or 5 or 15 or 19 => count * 12, // structure, union, data section, 64-bit enumeration
            6 or 13 => count * 8, // enumeration, prototype
            _ => 0,
        });
    }

    private string Name(uint offset)
    {
        var text = offset < _baseStringsBytes ? _base.AsSpan(_baseStrings + (int)offset) : _module.AsSpan(_strings + (int)(offset - _baseStringsBytes));
        return Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]);
    }
}
