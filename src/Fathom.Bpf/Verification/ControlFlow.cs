using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>The shape of a program of valid instructions: what can be reached, where paths meet, who calls whom.</summary>
internal sealed class ControlFlow
{
    private readonly BpfProgram _program;
    private readonly bool[] _meets;
    private readonly List<(int Site, int Callee)>[] _calls;
    private readonly bool[] _reads;
    private readonly List<int> _calleesFirst = [];

    private ControlFlow(BpfProgram program)
    {
        _program = program;
        _meets = new bool[program.Instructions.Length];
        _calls = new List<(int, int)>[program.SubprogramEntries.Length];
        _reads = new bool[program.SubprogramEntries.Length * 6];
        for (var i = 0; i < _calls.Length; i++)
            _calls[i] = [];
    }

    /// <summary>A slot where states are compared: a jump's target, what follows a conditional jump or a call.</summary>
    public bool PathsMeetAt(int instruction) => _meets[instruction];

    /// <summary>Whether a subprogram could read what it was given in a register.</summary>
    public bool MayReadArgument(int subprogram, int register) => _reads[(subprogram * 6) + register];

    /// <returns>Null, and the fault, when the shape is not allowed.</returns>
    public static ControlFlow? Build(BpfProgram program, out (int Instruction, RejectionReason Reason, string Message) fault)
    {
        fault = default;
        var flow = new ControlFlow(program);
        var reached = flow.Walk();
        var starts = InstructionRules.InstructionStarts(program.Instructions);
        for (var i = 0; i < reached.Length; i++)
        {
            if (!starts[i] || reached[i])
                continue;
            fault = (i, RejectionReason.UnreachableInstruction, $"unreachable insn {i}");
            return null;
        }
        if (flow.FindRecursion() is { } site)
        {
            fault = (site, RejectionReason.Recursion, "recursive call: a subprogram calls itself, directly or through others");
            return null;
        }
        return flow;
    }

    /// <summary>The chain of calls whose stack together is larger than the limit: the last call of it.</summary>
    public int? FindStackOverflow(ReadOnlySpan<int> stackBytes, int limitBytes, out int totalBytes)
    {
        // Calls have no cycle: a subprogram's largest need is its own frame and that of its neediest callee, which comes before it here.
        var need = new int[_calls.Length];
        foreach (var subprogram in _calleesFirst)
        {
            var callees = 0;
            foreach (var (_, callee) in _calls[subprogram])
                callees = Math.Max(callees, need[callee]);
            need[subprogram] = Rounded(stackBytes[subprogram]) + callees;
        }
        totalBytes = need[0];
        if (totalBytes <= limitBytes)
            return null;
        var site = _program.SubprogramEntries[0];
        var (caller, left) = (0, limitBytes - Rounded(stackBytes[0]));
        while (left >= 0)
        {
            (site, var next) = _calls[caller].MaxBy(call => need[call.Callee]);
            left -= Rounded(stackBytes[next]);
            caller = next;
        }
        return site;
    }

    /// <summary>Frames are multiples of 16 bytes, and no frame is empty, as in the kernel.</summary>
    private static int Rounded(int bytes) => (Math.Max(bytes, 1) + 15) & ~15;

    private bool[] Walk()
    {
        var reached = new bool[_meets.Length];
        var pending = new Stack<int>();
        pending.Push(0);
        while (pending.TryPop(out var at))
        {
            while (at < reached.Length && !reached[at])
            {
                reached[at] = true;
                var instruction = _program.Instructions[at];
                if (instruction.IsWideImmediate)
                {
                    at += 2;
                    continue;
                }
                if (instruction.IsExit)
                    break;
                if (instruction.IsJump)
                {
                    var target = at + 1 + instruction.JumpDistance;
                    _meets[target] = true;
                    if (instruction.IsUnconditionalJump)
                    {
                        at = target;
                        continue;
                    }
                    pending.Push(target);
                }
                if (instruction.IsLocalCall)
                {
                    var target = at + 1 + instruction.Immediate;
                    _calls[_program.SubprogramOf(at)].Add((at, _program.SubprogramOf(target)));
                    pending.Push(target);
                }
                if ((instruction.IsJump || instruction.Opcode == Opcodes.Call) && at + 1 < _meets.Length)
                    _meets[at + 1] = true;
                at++;
            }
        }
        FindArgumentReads();
        return reached;
    }

    private void FindArgumentReads()
    {
        for (var i = 0; i < _program.Instructions.Length; i++)
        {
            var instruction = _program.Instructions[i];
            var row = _program.SubprogramOf(i) * 6;
            if (instruction.Opcode == Opcodes.Call)
                _reads.AsSpan(row + 1, 5).Fill(true);
            if (instruction.Destination is >= 1 and <= 5)
                _reads[row + instruction.Destination] = true;
            if (instruction.Source is >= 1 and <= 5)
                _reads[row + instruction.Source] = true;
        }
    }

    private int? FindRecursion()
    {
        var colour = new byte[_calls.Length];
        var path = new Stack<(int Subprogram, int Next)>();
        path.Push((0, 0));
        colour[0] = 1;
        while (path.TryPop(out var top))
        {
            if (top.Next == _calls[top.Subprogram].Count)
            {
                colour[top.Subprogram] = 2;
                _calleesFirst.Add(top.Subprogram);
                continue;
            }
            path.Push((top.Subprogram, top.Next + 1));
            var (site, callee) = _calls[top.Subprogram][top.Next];
            if (colour[callee] == 1)
                return site;
            if (colour[callee] != 0)
                continue;
            colour[callee] = 1;
            path.Push((callee, 0));
        }
        return null;
    }
}
