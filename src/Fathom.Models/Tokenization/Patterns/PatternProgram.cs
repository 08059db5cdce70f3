namespace Fathom.Models.Tokenization.Patterns;

/// <summary>What one instruction of a compiled pattern does.</summary>
internal enum PatternOp
{
    /// <summary>The branch has matched.</summary>
    Accept,

    /// <summary>One code point of the set.</summary>
    One,

    /// <summary>Min to Max code points of the set, as many as there are, and no way back.</summary>
    Run,

    /// <summary>As Run, but gives code points back when what follows fails.</summary>
    RunWithRetreat,

    /// <summary>Go on at Target; when that fails, at Other.</summary>
    Fork,

    /// <summary>Go on at Target.</summary>
    Jump,

    /// <summary>The anchor (Min) holds here.</summary>
    Anchor,

    /// <summary>The part after this one, up to its Accept, matches (or, when Max is 1, does not) from here; go on at Target.</summary>
    LookAhead,

    /// <summary>The same, Min code points back.</summary>
    LookBehind,

    /// <summary>The part after this one is matched one way only; go on at Target behind it.</summary>
    Atomic,
}

/// <summary>One instruction; which fields matter depends on <see cref="Op"/>.</summary>
internal struct PatternInstruction
{
    public PatternOp Op;
    public int Target;
    public int Other;
    public int Min;
    public int Max;
    public UnicodeSet? Set;
    public ulong[]? Bits;
}

/// <summary>Turns a syntax tree into instructions.</summary>
internal sealed class PatternCompiler
{
    private const int InstructionsMax = 20_000;
    private const int NodesMax = 10 * InstructionsMax;
    private readonly List<PatternInstruction> _code = [];
    private int _nodes;

    public static PatternInstruction[] Compile(PatternNode node)
    {
        var compiler = new PatternCompiler();
        compiler.Emit(node, Follow.End);
        compiler.Add(new PatternInstruction { Op = PatternOp.Accept });
        return [.. compiler._code];
    }

    /// <summary>What comes after a node: decides whether a run of code points could ever have to give some back.</summary>
    /// <param name="Anything">Nothing more is asked: the longest run is the match.</param>
    /// <param name="First">Otherwise, what must come next; null when unknown.</param>
    private readonly record struct Follow(bool Anything, UnicodeSet? First)
    {
        public static Follow End { get; } = new(true, null);

        public static Follow Unknown { get; } = new(false, null);

        public static Follow Of(PatternNode next, Follow afterwards)
        {
            if (next is PatternNode.Sequence { Parts.Count: 0 })
                return afterwards;
            if (HasCondition(next))
                return Unknown;
            if (!next.IsNullable)
                return new Follow(false, next.First);
            return afterwards.First is { } first ? new Follow(false, next.First.Union(first)) : Unknown;
        }

        public bool NeverWantsBack(UnicodeSet run) => Anything || (First is { } first && !first.Overlaps(run));

        private static bool HasCondition(PatternNode node) => node switch
        {
            PatternNode.Look or PatternNode.Anchor => true,
            PatternNode.Sequence sequence => sequence.Parts.Any(HasCondition),
            PatternNode.Choice choice => choice.Branches.Any(HasCondition),
            PatternNode.Repeat repeat => HasCondition(repeat.Body),
            PatternNode.Atomic atomic => HasCondition(atomic.Body),
            _ => false,
        };
    }

    private int Add(PatternInstruction instruction)
    {
        if (_code.Count >= InstructionsMax)
            throw new PatternSyntaxException($"pattern needs more than {InstructionsMax} steps");
        _code.Add(instruction);
        return _code.Count - 1;
    }

    private void SetTarget(int index, int target) => _code[index] = _code[index] with { Target = target };

    private void SetOther(int index, int target) => _code[index] = _code[index] with { Other = target };

    private void Emit(PatternNode node, Follow follow)
    {
        // Copies of something empty add no instruction, but take time.
        if (++_nodes > NodesMax)
            throw new PatternSyntaxException($"pattern has more than {NodesMax} parts");
        switch (node)
        {
            case PatternNode.One one:
                Add(new PatternInstruction { Op = PatternOp.One, Set = one.Set, Bits = one.Set.Bmp });
                break;
            case PatternNode.Sequence sequence:
                EmitSequence(sequence.Parts, follow);
                break;
            case PatternNode.Choice choice:
                EmitChoice(choice.Branches, follow);
                break;
            case PatternNode.Repeat { Body: PatternNode.One one, Kind: not RepeatKind.Lazy } run:
                var possessive = run.Kind == RepeatKind.Possessive || run.Min == run.Max || follow.NeverWantsBack(one.Set);
                Add(new PatternInstruction
                {
                    Op = possessive ? PatternOp.Run : PatternOp.RunWithRetreat,
                    Set = one.Set,
                    Bits = one.Set.Bmp,
                    Min = run.Min,
                    Max = run.Max ?? int.MaxValue,
                });
                break;
            case PatternNode.Repeat { Kind: RepeatKind.Possessive } repeat:
                EmitPart(PatternOp.Atomic, repeat with { Kind = RepeatKind.Greedy });
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternNode.Look { Behind: true } look:
                EmitPart(PatternOp.LookBehind, look.Body, look.Body.FixedLength!.Value, look.Negative);
                break;
            case PatternNode.Look look:
                EmitPart(PatternOp.LookAhead, look.Body, 0, look.Negative);
                break;
            case PatternNode.Atomic atomic:
                EmitPart(PatternOp.Atomic, atomic.Body);
                break;
            case PatternNode.Anchor anchor:
                Add(new PatternInstruction { Op = PatternOp.Anchor, Min = (int)anchor.Kind });
                break;
        }
    }

    private void EmitSequence(IReadOnlyList<PatternNode> parts, Follow follow)
    {
        var follows = new Follow[parts.Count + 1];
        follows[^1] = follow;
        for (var i = parts.Count - 1; i >= 0; i--)
            follows[i] = Follow.Of(parts[i], follows[i + 1]);
        for (var i = 0; i < parts.Count; i++)
            Emit(parts[i], follows[i + 1]);
    }

    private void EmitChoice(IReadOnlyList<PatternNode> branches, Follow follow)
    {
        var exits = new List<int>();
        for (var i = 0; i < branches.Count; i++)
        {
            var last = i == branches.Count - 1;
            var fork = last ? -1 : Add(new PatternInstruction { Op = PatternOp.Fork, Target = _code.Count + 1 });
            Emit(branches[i], follow);
            if (last)
                break;
            exits.Add(Add(new PatternInstruction { Op = PatternOp.Jump }));
            SetOther(fork, _code.Count);
        }

        foreach (var exit in exits)
            SetTarget(exit, _code.Count);
    }

    /// <summary>Copies for the turns that must be, a loop or nested options for the rest.</summary>
    private void EmitRepeat(PatternNode.Repeat repeat)
    {
        for (var i = 0; i < repeat.Min; i++)
            Emit(repeat.Body, Follow.Unknown);
        var lazy = repeat.Kind == RepeatKind.Lazy;
        if (repeat.Max is not { } max)
        {
            var loop = EmitOption(repeat.Body);
            Add(new PatternInstruction { Op = PatternOp.Jump, Target = loop });
            CloseOption(loop, lazy);
            return;
        }

        var options = new List<int>();
        for (var i = repeat.Min; i < max; i++)
            options.Add(EmitOption(repeat.Body));
        foreach (var option in options)
            CloseOption(option, lazy);
    }

    private int EmitOption(PatternNode body)
    {
        var fork = Add(new PatternInstruction { Op = PatternOp.Fork, Target = _code.Count + 1, Other = _code.Count + 1 });
        Emit(body, Follow.Unknown);
        return fork;
    }

    private void CloseOption(int fork, bool lazy)
    {
        if (lazy)
            SetTarget(fork, _code.Count);
        else
            SetOther(fork, _code.Count);
    }

    private void EmitPart(PatternOp op, PatternNode body, int length = 0, bool negative = false)
    {
        var start = Add(new PatternInstruction { Op = op, Min = length, Max = negative ? 1 : 0 });
        Emit(body, Follow.End);
        Add(new PatternInstruction { Op = PatternOp.Accept });
        SetTarget(start, _code.Count);
    }
}
