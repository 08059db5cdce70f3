using System.Collections.Immutable;
using System.Text;
using Fathom.Bpf.Btf;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Elf;

/// <summary>A program of an object file, linked with the subprograms it calls.</summary>
/// <param name="Section">The section it stands in; it names the program's type.</param>
/// <param name="Program">The program; its maps are those of the object.</param>
public sealed record ObjectProgram(string Section, BpfProgram Program);

/// <summary>An object file of clang for BPF: programs, maps, globals and types.</summary>
/// <remarks>
/// Immutable. Sections: one or more programs in each executable section but <c>.text</c>, which holds subprograms (or the programs, when there is
/// no other executable section); maps in <c>.maps</c>, described by BTF; <c>.rodata</c>, <c>.data</c>, <c>.bss</c> become array maps of one element;
/// undefined functions become kfuncs by name.
/// </remarks>
public sealed class BpfObject
{
    internal BpfObject(string name, ImmutableArray<ObjectProgram> programs, ImmutableArray<MapDefinition> maps, BtfTypes? types, string license)
    {
        Name = name;
        Programs = programs;
        Maps = maps;
        Types = types;
        License = license;
    }

    /// <summary>The file's name.</summary>
    public string Name { get; }

    /// <summary>Its programs, in the file's order.</summary>
    public ImmutableArray<ObjectProgram> Programs { get; }

    /// <summary>Its maps: the declared ones, then globals by section.</summary>
    public ImmutableArray<MapDefinition> Maps { get; }

    /// <summary>Its types; null when it was compiled without.</summary>
    public BtfTypes? Types { get; }

    /// <summary>Of section <c>license</c>; empty when there is none.</summary>
    public string License { get; }

    /// <summary>Reads an object file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="target">Types to which field accesses with CO-RE relocations are fitted; null leaves them as compiled.</param>
    /// <exception cref="InvalidObjectException">It is no BPF object, or damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static BpfObject Open(string path, BtfTypes? target = null) => Open(Path.GetFileName(path), File.ReadAllBytes(path), target);

    /// <summary>Reads an object from memory.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="bytes">Hostile.</param>
    /// <param name="target">Types to which field accesses with CO-RE relocations are fitted; null leaves them as compiled.</param>
    /// <exception cref="InvalidObjectException">It is no BPF object, or damaged.</exception>
    public static BpfObject Open(string name, ReadOnlyMemory<byte> bytes, BtfTypes? target = null)
    {
        var file = ElfFile.Read(name, bytes);
        var types = file.Find(".BTF") is { } section ? BtfTypes.Parse(name, section.Content.Span) : null;
        var extension = types is not null && file.Find(".BTF.ext") is { } ext ? BtfExtension.Parse(name, types, ext.Content.Span, file.Find(".BTF")!.Content.Span) : BtfExtension.Empty;
        var globals = ObjectMaps.Read(name, file, types);
        var license = LicenseOf(file);
        var programs = new ProgramLinker(name, file, globals, types, extension, target, license).Link();
        return new BpfObject(name, programs, globals.Maps, types, license);
    }

    /// <summary>The program of a name.</summary>
    /// <exception cref="InvalidObjectException">The object has no such program.</exception>
    public BpfProgram FindProgram(string name) =>
        Programs.FirstOrDefault(program => program.Program.Name == name)?.Program ??
        throw new InvalidObjectException(Name, null, $"no program {name}; there are: {string.Join(", ", Programs.Select(program => program.Program.Name))}");

    private static string LicenseOf(ElfFile file)
    {
        if (file.Find("license") is not { } section)
            return "";
        var text = section.Content.Span;
        var end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }
}
