using System.Globalization;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Tests.Conformance;

/// <summary>A file of the public conformance suite: sections after lines "-- asm", "-- raw", "-- mem", "-- result", "-- error", "-- c".</summary>
internal sealed class ConformanceCase
{
    private readonly Dictionary<string, List<string>> _sections = [];

    private ConformanceCase(string name) => Name = name;

    public string Name { get; }

    public bool HasText => _sections.ContainsKey("asm");

    public bool HasRaw => _sections.ContainsKey("raw");

    public bool ExpectsError => _sections.ContainsKey("error");

    public byte[] Memory => [.. Lines("mem").SelectMany(Bytes)];

    public ulong Result => Number(Lines("result").Single());

    /// <summary>The folder beside the checkout; null where it is not there.</summary>
    public static string? Folder { get; } = FindFolder();

    public static ConformanceCase Read(string path)
    {
        var data = new ConformanceCase(Path.GetFileNameWithoutExtension(path));
        var section = "";
        foreach (var line in File.ReadLines(path))
        {
            if (line.StartsWith("-- ", StringComparison.Ordinal))
                data._sections[section = line[3..].Trim()] = [];
            else if (section.Length > 0)
                data._sections[section].Add(line);
        }
        return data;
    }

    public BpfProgram FromText() => Assembler.Assemble(string.Join('\n', _sections["asm"]), Name);

    /// <summary>Words of 8 bytes, a line each, or single bytes.</summary>
    public BpfProgram FromRaw() => BpfProgram.FromBytes(Name, Lines("raw").SelectMany(line => line.Contains(' ') ? Bytes(line) : BitConverter.GetBytes(Number(line))).ToArray());

    /// <summary>The program; null when it is none: refused by the assembler or by the rules of instructions.</summary>
    public BpfProgram? TryRead()
    {
        try
        {
            var program = HasText ? FromText() : FromRaw();
            return InstructionRules.FindViolation(program) is null ? program : null;
        }
        catch (BpfException)
        {
            return null;
        }
    }

    private IEnumerable<string> Lines(string section) =>
        (_sections.GetValueOrDefault(section) ?? []).Select(line => line.Split('#')[0].Trim()).Where(line => line.Length > 0);

    private static IEnumerable<byte> Bytes(string line) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(hex => byte.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    private static ulong Number(string text) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : ulong.Parse(text, CultureInfo.InvariantCulture);

    private static string? FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
                continue;
            var data = Path.Combine(folder.FullName, "..", "shared", "data", "bpf-conformance");
            return Directory.Exists(data) ? data : null;
        }
        return null;
    }
}
