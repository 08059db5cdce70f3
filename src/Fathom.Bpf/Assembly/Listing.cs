using System.Collections.Immutable;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Assembly;

/// <summary>A program that is being assembled: slots, labels, and the references to labels that are not resolved yet.</summary>
internal sealed class Listing(string name)
{
    private const string NearestExit = "exit";

    private enum ReferenceKind
    {
        JumpOffset,
        JumpImmediate,
        Subprogram,
        SubprogramOrKfunc,
    }

    private readonly record struct Reference(int Slot, string Label, ReferenceKind Kind, int Line);

    private readonly List<BpfInstruction> _slots = [];
    private readonly List<int> _slotLines = [];
    private readonly Dictionary<string, int> _labels = [];
    private readonly List<Reference> _references = [];
    private readonly List<string> _kfuncs = [];

    /// <summary>The line that what follows comes from.</summary>
    public int Line { get; set; }

    public void Add(BpfInstruction slot)
    {
        _slots.Add(slot);
        _slotLines.Add(Line);
    }

    public void Add((BpfInstruction Low, BpfInstruction High) wide)
    {
        Add(wide.Low);
        Add(wide.High);
    }

    public void DefineLabel(string label)
    {
        if (!_labels.TryAdd(label, _slots.Count))
            throw new InvalidProgramTextException(name, Line, $"label '{label}' stands twice");
    }

    /// <summary>Adds a jump whose target is a distance or a label.</summary>
    /// <param name="jump">With distance 0.</param>
    /// <param name="tokens">At the target.</param>
    public void AddJump(BpfInstruction jump, TokenReader tokens)
    {
        var isLong = jump.Opcode == Opcodes.JumpLong;
        tokens.TryWord("pc");
        if (!tokens.IsNumberNext)
            AddReference(jump, TargetName(tokens), isLong ? ReferenceKind.JumpImmediate : ReferenceKind.JumpOffset);
        else
            Add(isLong ? WithImmediate(jump, tokens.Immediate()) : WithOffset(jump, tokens.Offset()));
    }

    /// <summary>Adds a call: <c>5</c> helper, <c>local +3</c> or <c>pc+3</c> or a label, else the name of a kfunc.</summary>
    public void AddCall(TokenReader tokens)
    {
        var isLocal = tokens.TryWord("local");
        if (tokens.TryWord("pc") || isLocal)
        {
            var call = Encode.Call(CallKind.Local, 0);
            if (tokens.IsNumberNext)
                Add(WithImmediate(call, tokens.Immediate()));
            else
                AddReference(call, TargetName(tokens), ReferenceKind.Subprogram);
        }
        else if (tokens.IsNumberNext)
        {
            Add(Encode.Call(CallKind.Helper, tokens.Immediate()));
        }
        else
        {
            AddReference(Encode.Call(CallKind.Kfunc, 0), TargetName(tokens), ReferenceKind.SubprogramOrKfunc);
        }
    }

    public BpfProgram ToProgram(ImmutableArray<MapDefinition> maps)
    {
        if (_slots.Count == 0)
            throw new InvalidProgramTextException(name, 0, "the text holds no instruction");
        foreach (var reference in _references)
            _slots[reference.Slot] = Resolve(reference);
        var lines = ImmutableArray.CreateBuilder<SourceLine>(_slots.Count);
        for (var slot = 0; slot < _slots.Count; slot++)
            if (slot == 0 || _slotLines[slot] != _slotLines[slot - 1])
                lines.Add(new SourceLine(slot, name, _slotLines[slot], ""));
        return new BpfProgram(name, [.. _slots], maps, [.. _kfuncs], lines.ToImmutable());
    }

    private static string TargetName(TokenReader tokens) => tokens.TryName(out var label) ? label : throw tokens.Error("a target is missing");

    private void AddReference(BpfInstruction slot, string label, ReferenceKind kind)
    {
        _references.Add(new Reference(_slots.Count, label, kind, Line));
        Add(slot);
    }

    private BpfInstruction Resolve(Reference reference)
    {
        var slot = _slots[reference.Slot];
        if (reference.Kind == ReferenceKind.SubprogramOrKfunc && !_labels.ContainsKey(reference.Label))
            return WithImmediate(slot, KfuncIndex(reference.Label));
        var distance = FindTarget(reference) - reference.Slot - 1;
        switch (reference.Kind)
        {
            case ReferenceKind.JumpImmediate:
                return WithImmediate(slot, distance);
            case ReferenceKind.Subprogram or ReferenceKind.SubprogramOrKfunc:
                return Encode.Call(CallKind.Local, distance);
            default:
                if (distance is < short.MinValue or > short.MaxValue)
                    throw new InvalidProgramTextException(name, reference.Line, $"label '{reference.Label}' is {distance} slots away: an offset has 16 bits");
                return WithOffset(slot, (short)distance);
        }
    }

    private int FindTarget(Reference reference)
    {
        if (_labels.TryGetValue(reference.Label, out var target))
            return target;
        if (reference.Label == NearestExit)
        {
            target = _slots.FindIndex(reference.Slot, slot => slot.IsExit);
            target = target >= 0 ? target : _slots.FindLastIndex(reference.Slot, slot => slot.IsExit);
            if (target >= 0)
                return target;
        }
        throw new InvalidProgramTextException(name, reference.Line, $"label '{reference.Label}' does not exist");
    }

    private int KfuncIndex(string kfunc)
    {
        var index = _kfuncs.IndexOf(kfunc);
        if (index >= 0)
            return index;
        _kfuncs.Add(kfunc);
        return _kfuncs.Count - 1;
    }

    private static BpfInstruction WithOffset(BpfInstruction slot, short offset) => new(slot.Opcode, slot.Destination, slot.Source, offset, slot.Immediate);

    private static BpfInstruction WithImmediate(BpfInstruction slot, int immediate) => new(slot.Opcode, slot.Destination, slot.Source, slot.Offset, immediate);
}
