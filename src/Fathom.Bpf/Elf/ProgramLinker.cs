using System.Collections.Immutable;
using Fathom.Bpf.Btf;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Elf;

/// <summary>Puts programs together: instructions, the subprograms they call behind them, references to maps, globals and kfuncs resolved.</summary>
internal sealed class ProgramLinker
{
    /// <summary>R_BPF_64_64: a 64-bit immediate load.</summary>
    private const uint WideImmediate = 1;

    /// <summary>R_BPF_64_32: a call.</summary>
    private const uint CallTarget = 10;

    private const int SlotsMax = 1_000_000;

    private readonly string _name;
    private readonly ElfFile _file;
    private readonly ObjectMaps _maps;
    private readonly BtfTypes? _types;
    private readonly BtfExtension _extension;
    private readonly BtfTypes? _target;
    private readonly string _license;
    private readonly Dictionary<int, Code> _code = [];
    private readonly List<string> _kfuncs = [];

    public ProgramLinker(string name, ElfFile file, ObjectMaps maps, BtfTypes? types, BtfExtension extension, BtfTypes? target, string license)
    {
        _name = name;
        _file = file;
        _maps = maps;
        _types = types;
        _extension = extension;
        _target = target;
        _license = license;
    }

    /// <summary>The code of a section: relocated where that does not depend on the program, functions by first slot.</summary>
    private sealed record Code(ElfSection Section, BpfInstruction[] Slots, Dictionary<int, ElfRelocation> Relocations, SortedList<int, string> Functions)
    {
        public int EndOf(int start)
        {
            foreach (var next in Functions.Keys)
            {
                if (next > start)
                    return next;
            }
            return Slots.Length;
        }
    }

    private readonly record struct FunctionKey(int Section, int Start);

    public ImmutableArray<ObjectProgram> Link()
    {
        foreach (var section in _file.Sections)
        {
            if (section.Kind == SectionKind.ProgramBits && section.IsExecutable && section.SizeBytes > 0)
                _code.Add(section.Index, ReadCode(section));
        }
        var withPrograms = _code.Values.Where(code => code.Section.Name != ".text").ToList();
        if (withPrograms.Count == 0)
            withPrograms = [.. _code.Values];
        if (withPrograms.Count == 0)
            throw _file.Fault(null, "no program: no executable section holds instructions");
        var programs = ImmutableArray.CreateBuilder<ObjectProgram>();
        foreach (var code in withPrograms)
        {
            foreach (var (start, function) in code.Functions)
                programs.Add(new ObjectProgram(code.Section.Name, LinkProgram(function, new FunctionKey(code.Section.Index, start))));
        }
        return programs.ToImmutable();
    }

    private Code ReadCode(ElfSection section)
    {
        if (section.SizeBytes % BpfInstruction.SizeBytes != 0 || section.Content.Length != section.SizeBytes)
            throw _file.Fault(section.Name, $"{section.SizeBytes} bytes are no instructions of {BpfInstruction.SizeBytes} bytes");
        var slots = new BpfInstruction[section.SizeBytes / BpfInstruction.SizeBytes];
        for (var i = 0; i < slots.Length; i++)
            slots[i] = BpfInstruction.Read(section.Content.Span[(i * BpfInstruction.SizeBytes)..]);
        var relocations = new Dictionary<int, ElfRelocation>();
        foreach (var relocation in _file.RelocationsOf(section))
        {
            if (relocation.Offset % BpfInstruction.SizeBytes != 0)
                throw _file.Fault(section.Name, $"relocation at {relocation.Offset}, inside of an instruction");
            if (!relocations.TryAdd((int)(relocation.Offset / BpfInstruction.SizeBytes), relocation))
                throw _file.Fault(section.Name, $"two relocations at {relocation.Offset}");
        }
        if (_types is not null)
            new CoreRelocator(_name, _types, _target ?? _types).Apply(section.Name, slots, _extension.RelocationsOf(section.Name));
        return new Code(section, slots, relocations, FunctionsOf(section, slots.Length));
    }

    private SortedList<int, string> FunctionsOf(ElfSection section, int slots)
    {
        var functions = new SortedList<int, string>();
        foreach (var symbol in _file.Symbols)
        {
            if (symbol.Section != section.Index || symbol.Type != ElfSymbol.Function)
                continue;
            var start = (long)symbol.Value / BpfInstruction.SizeBytes;
            if (symbol.Value % BpfInstruction.SizeBytes != 0 || start >= slots)
                throw _file.Fault(section.Name, $"function {symbol.Name} at {symbol.Value} is no instruction");
            functions[(int)start] = symbol.Name;
        }
        // Assemblers may leave out symbols: the section is then one program of its name.
        if (functions.Count == 0)
            functions[0] = section.Name;
        else if (functions.Keys[0] != 0)
            throw _file.Fault(section.Name, $"its first {functions.Keys[0]} instructions belong to no function");
        return functions;
    }

    private BpfProgram LinkProgram(string name, FunctionKey entry)
    {
        var placed = new Dictionary<FunctionKey, int>();
        var order = new Queue<FunctionKey>();
        var slots = ImmutableArray.CreateBuilder<BpfInstruction>();
        var lines = ImmutableArray.CreateBuilder<SourceLine>();
        var calls = new List<(int Slot, FunctionKey Callee)>();
        order.Enqueue(entry);
        placed.Add(entry, 0);
        while (order.TryDequeue(out var function))
        {
            var code = _code[function.Section];
            int end = code.EndOf(function.Start), begin = slots.Count;
            placed[function] = begin;
            if (begin + (end - function.Start) > SlotsMax)
                throw _file.Fault(code.Section.Name, $"program {name} has more than {SlotsMax} instructions");
            for (var i = function.Start; i < end; i++)
                slots.Add(code.Slots[i]);
            for (var i = function.Start; i < end; i++)
            {
                var at = begin + i - function.Start;
                if (Resolve(code, i, at, slots, end) is not { } callee)
                {
                    i += slots[at].IsWideImmediate ? 1 : 0;
                    continue;
                }
                calls.Add((at, callee));
                if (placed.TryAdd(callee, -1))
                    order.Enqueue(callee);
                i += slots[at].IsWideImmediate ? 1 : 0;
            }
            AddLines(lines, code, function.Start, end, begin);
        }
        foreach (var (slot, callee) in calls)
            slots[slot] = With(slots[slot], slots[slot].Source, placed[callee] - slot - 1);
        return new BpfProgram(name, slots.ToImmutable(), _maps.Maps, [.. _kfuncs], lines.ToImmutable()) { License = _license };
    }

    /// <summary>Resolves what the instruction refers to; the function, when it calls one.</summary>
    private FunctionKey? Resolve(Code code, int index, int at, ImmutableArray<BpfInstruction>.Builder slots, int end)
    {
        var slot = code.Slots[index];
        if (!code.Relocations.TryGetValue(index, out var relocation))
        {
            if (slot.IsLocalCall)
                return Function(code, index + 1L + slot.Immediate);
            return null;
        }
        var symbol = _file.Symbols[relocation.Symbol];
        switch (relocation.Type)
        {
            case WideImmediate when slot.IsWideImmediate && index + 1 < end:
                return ResolveWide(code, index, at, symbol, slots);
            case CallTarget when slot.Opcode == Opcodes.Call:
                if (symbol.IsUndefined)
                {
                    slots[at] = With(slot, (int)CallKind.Kfunc, Kfunc(code, symbol));
                    return null;
                }
                return Function(Callee(code, symbol), symbol.Type == ElfSymbol.SectionSymbol
                    ? slot.Immediate + 1L
                    : ((long)symbol.Value / BpfInstruction.SizeBytes) + slot.Immediate + 1L);
            default:
                throw _file.Fault(code.Section.Name, $"relocation of type {relocation.Type} at instruction {index} (opcode 0x{slot.Opcode:x2}) is not known");
        }
    }

    private FunctionKey? ResolveWide(Code code, int index, int at, ElfSymbol symbol, ImmutableArray<BpfInstruction>.Builder slots)
    {
        var slot = code.Slots[index];
        if (symbol.IsUndefined)
            throw _file.Fault(code.Section.Name, $"instruction {index} refers to {(symbol.Name.Length == 0 ? "no symbol" : symbol.Name)}, which is not defined");
        if (_maps.TryDeclared(symbol.Section, (long)symbol.Value, out var map))
        {
            slots[at] = With(slot, (int)WideImmediateKind.Map, map);
            slots[at + 1] = With(slots[at + 1], 0, 0);
            return null;
        }
        if (_maps.TryGlobals(symbol.Section, out map))
        {
            var offset = (long)symbol.Value + slot.Immediate;
            if (offset < 0 || offset >= _maps.Maps[map].ValueBytes)
                throw _file.Fault(code.Section.Name, $"instruction {index} refers to byte {offset} of {_maps.Maps[map].Name}'s {_maps.Maps[map].ValueBytes}");
            slots[at] = With(slot, (int)WideImmediateKind.MapValue, map);
            slots[at + 1] = With(slots[at + 1], 0, (int)offset);
            return null;
        }
        if (!_code.TryGetValue(symbol.Section, out var target))
            throw _file.Fault(code.Section.Name, $"instruction {index} refers to {symbol.Name}, which is neither map, global nor function");
        slots[at] = With(slot, (int)WideImmediateKind.Code, 0);
        return Function(target, ((long)symbol.Value + slot.Immediate) / BpfInstruction.SizeBytes);
    }

    private Code Callee(Code caller, ElfSymbol symbol) => _code.TryGetValue(symbol.Section, out var code)
        ? code
        : throw _file.Fault(caller.Section.Name, $"call of {symbol.Name}, which is no function");

    private FunctionKey Function(Code code, long start) => start >= 0 && start <= int.MaxValue && code.Functions.ContainsKey((int)start)
        ? new FunctionKey(code.Section.Index, (int)start)
        : throw _file.Fault(code.Section.Name, $"call of instruction {start}, where no function begins");

    private int Kfunc(Code code, ElfSymbol symbol)
    {
        if (symbol.Name.Length == 0)
            throw _file.Fault(code.Section.Name, "call of a symbol without name");
        const int Extern = 2;
        if (_types is not null && _types[_types.Find(BtfKind.Function, symbol.Name)].Linkage != Extern)
            throw _file.Fault(code.Section.Name, $"call of {symbol.Name}, which is not defined and not declared as __ksym");
        var known = _kfuncs.IndexOf(symbol.Name);
        if (known >= 0)
            return known;
        _kfuncs.Add(symbol.Name);
        return _kfuncs.Count - 1;
    }

    private void AddLines(ImmutableArray<SourceLine>.Builder lines, Code code, int start, int end, int begin)
    {
        foreach (var line in _extension.LinesOf(code.Section.Name))
        {
            var slot = line.OffsetBytes / BpfInstruction.SizeBytes;
            if (slot < start || slot >= end)
                continue;
            var moved = (int)slot - start + begin;
            // Lines that are out of order would break the search; they only serve messages.
            if (lines.Count == 0 || lines[^1].FirstInstruction < moved)
                lines.Add(new SourceLine(moved, line.File, line.Line, line.Text));
        }
    }

    private static BpfInstruction With(BpfInstruction slot, int source, int immediate) => new(slot.Opcode, slot.Destination, source, slot.Offset, immediate);
}
