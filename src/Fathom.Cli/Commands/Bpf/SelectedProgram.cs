using System.CommandLine;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Verification;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>The options by which the bpf commands pick programs of an object file, and what they pick.</summary>
internal static class SelectedProgram
{
    public static readonly Argument<string> ObjectPath = new("FILE") { Description = "An object file of clang -target bpf." };
    public static readonly Setting<string?> Name = Settings.Text("--program", "NAME", "The program's name; needed where the file holds several.");
    public static readonly Setting<ProgramType?> Type = Settings.Choice<ProgramType?>(
        "--type", "What the program is: its context and the functions it may call. By its section where this is left out.", null,
        ("section", null), ("storage", ProgramType.StorageFunction), ("packet", ProgramType.Packet), ("xdp", ProgramType.Xdp), ("tc", ProgramType.TrafficControl), ("socket", ProgramType.SocketFilter));

    /// <summary>All programs of the file, or the one that is named.</summary>
    public static IReadOnlyList<ObjectProgram> ReadAll(ParseResult options) => ReadAll(options.GetRequiredValue(ObjectPath), options);

    private static IReadOnlyList<ObjectProgram> ReadAll(string path, ParseResult options)
    {
        var file = BpfObject.Open(path);
        if (Name.Read(options) is not { } name)
            return file.Programs;
        var named = file.Programs.Where(program => program.Program.Name == name).ToList();
        return named.Count > 0 ? named : throw new CommandException($"{file.Name}: has no program '{name}', but {Names(file)}.");
    }

    /// <summary>The only program of the file, or the one that is named.</summary>
    private static ObjectProgram ReadOne(string path, ParseResult options)
    {
        var programs = ReadAll(path, options);
        return programs.Count == 1
            ? programs[0]
            : throw new CommandException($"{path}: holds {programs.Count} programs ({string.Join(", ", programs.Select(program => program.Program.Name))}): name one with --program.");
    }

    /// <summary>The type that an option or the section gives.</summary>
    public static ProgramType TypeOf(ObjectProgram program, ParseResult options) =>
        Type.Read(options) ?? ProgramType.OfSection(program.Section)
        ?? throw new CommandException($"{program.Program.Name}: section '{program.Section}' is of no known type: give one with --type.");

    /// <summary>The program, verified for a type that can run here.</summary>
    public static VerifiedProgram ReadVerified(string path, ParseResult options)
    {
        var program = ReadOne(path, options);
        var type = TypeOf(program, options);
        if (!type.IsRunnable)
            throw new CommandException($"{program.Program.Name}: programs of type {type.Name} run in the kernel only.");
        return Verifier.Verify(program.Program, type) switch
        {
            VerifiedProgram verified => verified,
            var rejection => throw new CommandException($"{rejection}"),
        };
    }

    private static string Names(BpfObject file) => string.Join(", ", file.Programs.Select(program => program.Program.Name));
}
