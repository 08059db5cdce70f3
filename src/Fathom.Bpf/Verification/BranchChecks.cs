using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Which ways a conditional jump can go.</summary>
internal enum BranchOutcome
{
    Refused,
    Taken,
    NotTaken,
    Both,

    /// <summary>The registers contradict each other: no run comes here.</summary>
    Neither,
}

/// <summary>Conditional jumps: decides them where the ranges allow it, otherwise narrows the ranges on both sides.</summary>
internal sealed class BranchChecks(Inspection inspection)
{
    /// <summary>Narrows the current state to the case that the jump is not taken; <paramref name="taken"/> is the other, when both are possible (its instruction is not set).</summary>
    public BranchOutcome Check(BpfInstruction instruction, out MachineState? taken)
    {
        taken = null;
        if (!inspection.Read(instruction.Destination) || (instruction.UsesSourceRegister && !inspection.Read(instruction.Source)))
            return BranchOutcome.Refused;
        var wide = instruction.Class == InstructionClass.Jump64;
        var left = inspection.Register(instruction.Destination);
        var right = instruction.UsesSourceRegister ? inspection.Register(instruction.Source) : RegisterState.OfConstant((ulong)(long)instruction.Immediate);
        if (left.IsScalar && right.IsScalar)
            return CheckNumbers(instruction, wide, left, right, out taken);
        return CheckPointers(instruction, wide, left, right, out taken);
    }

    private BranchOutcome CheckNumbers(BpfInstruction instruction, bool wide, in RegisterState left, in RegisterState right, out MachineState? taken)
    {
        taken = null;
        var operation = instruction.JumpOperation;
        if (instruction.UsesSourceRegister && instruction.Source == instruction.Destination && operation != JumpOperation.AnySet)
            return HoldsForEqual(operation) ? BranchOutcome.Taken : BranchOutcome.NotTaken;
        ScalarRange leftTaken = left.Range, rightTaken = right.Range, leftOther = left.Range, rightOther = right.Range;
        var canBeTaken = Conditions.Assume(operation, holds: true, wide, ref leftTaken, ref rightTaken);
        var canFallThrough = Conditions.Assume(operation, holds: false, wide, ref leftOther, ref rightOther);
        if (!canBeTaken || !canFallThrough)
        {
            inspection.State.MarkPrecise(left.Origins);
            inspection.State.MarkPrecise(right.Origins);
            return canBeTaken ? BranchOutcome.Taken : canFallThrough ? BranchOutcome.NotTaken : BranchOutcome.Neither;
        }
        taken = inspection.State.Clone();
        // What is learned of one number rests on the other.
        var origins = OriginSet.Union(left.Origins, right.Origins);
        Narrow(taken, instruction.Destination, left.Range, leftTaken, origins);
        Narrow(inspection.State, instruction.Destination, left.Range, leftOther, origins);
        if (instruction.UsesSourceRegister)
        {
            Narrow(taken, instruction.Source, right.Range, rightTaken, origins);
            Narrow(inspection.State, instruction.Source, right.Range, rightOther, origins);
        }
        return BranchOutcome.Both;
    }

    private static void Narrow(MachineState state, int register, in ScalarRange before, in ScalarRange after, OriginSet? origins)
    {
        if (after.SameAs(before))
            return;
        ref var value = ref state.Current.Registers[register];
        value.Range = after;
        value.Origins = origins;
        if (value.Link == 0)
            return;
        var known = value;
        state.ForEachLinked(value.Link, ref known, static (ref RegisterState linked, ref RegisterState source) =>
        {
            if (!linked.IsScalar)
                return;
            var distance = unchecked(linked.LinkDelta - source.LinkDelta);
            linked.Range = distance == 0
                ? source.Range
                : ScalarArithmetic.Apply(AluOperation.Add, wide: true, signed: false, source.Range, ScalarRange.Constant((ulong)distance));
            linked.Origins = OriginSet.Union(linked.Origins, source.Origins);
        });
    }

    private BranchOutcome CheckPointers(BpfInstruction instruction, bool wide, in RegisterState left, in RegisterState right, out MachineState? taken)
    {
        taken = null;
        var operation = instruction.JumpOperation;
        var isEquality = operation is JumpOperation.Equal or JumpOperation.NotEqual;
        if (wide && isEquality && (right.IsNull || left.IsNull))
        {
            var pointer = left.IsPointer ? left : right;
            inspection.State.MarkPrecise(left.IsPointer ? right.Origins : left.Origins);
            if (!pointer.MayBeNull && !pointer.IsPacketPointer && pointer.Kind != ValueKind.PacketEnd)
                return operation == JumpOperation.Equal ? BranchOutcome.NotTaken : BranchOutcome.Taken;
            taken = inspection.State.Clone();
            if (pointer.MayBeNull)
            {
                SplitNull(taken, pointer, isNull: operation == JumpOperation.Equal);
                SplitNull(inspection.State, pointer, isNull: operation == JumpOperation.NotEqual);
            }
            return BranchOutcome.Both;
        }
        var isBoundsCheck = wide && IsPacketPair(left, right);
        if (!isBoundsCheck && !inspection.Limits.AllowsPointerLeaks)
        {
            var register = left.IsPointer ? instruction.Destination : instruction.Source;
            inspection.Refuse(RejectionReason.PointerLeak, $"R{register} pointer comparison prohibited");
            return BranchOutcome.Refused;
        }
        taken = inspection.State.Clone();
        if (isBoundsCheck)
            LearnPacketBounds(taken, operation, left, right);
        return BranchOutcome.Both;
    }

    private static void SplitNull(MachineState state, in RegisterState pointer, bool isNull)
    {
        var acquisition = pointer.Acquisition;
        state.ForEachLinked(pointer.Link, ref isNull, static (ref RegisterState value, ref bool isNull) =>
        {
            if (!value.MayBeNull)
                return;
            if (isNull)
            {
                value = RegisterState.OfConstant(0);
                return;
            }
            value.MayBeNull = false;
            value.Link = 0;
        });
        if (isNull && acquisition != 0)
            state.Acquisitions = state.Acquisitions.Remove(acquisition);
    }

    private static bool IsPacketPair(in RegisterState left, in RegisterState right) =>
        !left.MayBeNull && !right.MayBeNull && (
        (left.IsPacketPointer && right.Kind == ValueKind.PacketEnd) || (left.Kind == ValueKind.PacketEnd && right.IsPacketPointer) ||
        (left.Kind == ValueKind.PacketMeta && IsPacketStart(right)) || (IsPacketStart(left) && right.Kind == ValueKind.PacketMeta));

    private static bool IsPacketStart(in RegisterState value) =>
        value.Kind == ValueKind.Packet && value.Offset == 0 && value.Range.IsConstant && value.Range.Value == 0;

    /// <summary>A comparison of a packet pointer with the end says how many bytes before the pointer belong to the packet.</summary>
    private void LearnPacketBounds(MachineState taken, JumpOperation operation, in RegisterState left, in RegisterState right)
    {
        var pointerIsLeft = left.IsPacketPointer && (right.Kind == ValueKind.PacketEnd || left.Kind == ValueKind.PacketMeta);
        // Read every comparison as "pointer op end".
        var compared = pointerIsLeft ? operation : operation switch
        {
            JumpOperation.Greater => JumpOperation.Less,
            JumpOperation.Less => JumpOperation.Greater,
            JumpOperation.GreaterOrEqual => JumpOperation.LessOrEqual,
            JumpOperation.LessOrEqual => JumpOperation.GreaterOrEqual,
            _ => operation,
        };
        var pointer = pointerIsLeft ? left : right;
        switch (compared)
        {
            case JumpOperation.Greater:
                Learn(inspection.State, pointer, atLeast: 0);
                break;
            case JumpOperation.GreaterOrEqual:
                Learn(inspection.State, pointer, atLeast: 1);
                break;
            case JumpOperation.Less:
                Learn(taken, pointer, atLeast: 1);
                break;
            case JumpOperation.LessOrEqual:
                Learn(taken, pointer, atLeast: 0);
                break;
        }
    }

    private static void Learn(MachineState state, in RegisterState pointer, int atLeast)
    {
        const int PacketBytesMax = 0xFFFF;
        if (pointer.Offset < 0 || (pointer.Offset == 0 && atLeast == 0))
            return;
        // Beyond a packet's largest size the sum could have wrapped.
        if (pointer.Range.Wide.UMax > PacketBytesMax || (long)pointer.Range.Wide.UMax + pointer.Offset > PacketBytesMax)
            return;
        var known = pointer;
        known.ExtentBytes = pointer.Offset + atLeast;
        foreach (var frame in state.Frames)
        {
            for (var i = 0; i < StackFrame.RegisterCount; i++)
                Extend(ref frame.Registers[i], known);
            for (var i = 0; i < frame.SlotCount; i++)
            {
                if (frame.Slot(i) is { IsSpill: true } slot && slot.Spill.Kind == known.Kind)
                    Extend(ref frame.Own(i).Spill, known);
            }
        }
    }

    private static void Extend(ref RegisterState value, in RegisterState known)
    {
        if (value.Kind == known.Kind && value.Link == known.Link)
            value.ExtentBytes = Math.Max(value.ExtentBytes, known.ExtentBytes);
    }

    private static bool HoldsForEqual(JumpOperation operation) => operation is
        JumpOperation.Equal or JumpOperation.GreaterOrEqual or JumpOperation.LessOrEqual or JumpOperation.GreaterOrEqualSigned or JumpOperation.LessOrEqualSigned;
}
