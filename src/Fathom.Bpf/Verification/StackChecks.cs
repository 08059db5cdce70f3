using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Access to the stack, byte by byte, with spilled registers.</summary>
internal sealed class StackChecks(Inspection inspection)
{
    public bool Load(int register, in RegisterState pointer, int offset, int bytes, out RegisterState value)
    {
        value = RegisterState.UnknownScalar;
        if (!Locate(register, pointer, offset, bytes, "read from", out var low, out var high))
            return false;
        if (low != high)
            return IsReadable(register, pointer, low, (int)(high - low) + bytes);
        var frame = inspection.State.Frames[pointer.Frame];
        var slotIndex = SlotOf(low);
        var first = (int)(low & 7);
        inspection.State.MarkSlotRead(pointer.Frame, slotIndex);
        var slot = frame.Slot(slotIndex);
        if (slot.IsSpill && first + bytes <= slot.SpilledBytes)
            return LoadSpill(slot, frame.OriginsOf(slotIndex), low, first, bytes, out value);
        var zeros = true;
        for (var i = first; i < first + bytes; i++)
        {
            if (slot[i] == StackByte.Invalid)
                return Unreadable(low, i - first, bytes);
            zeros &= slot[i] == StackByte.Zero;
        }
        if (zeros)
            value = RegisterState.OfConstant(0);
        return true;
    }

    private bool LoadSpill(StackSlot slot, OriginSet? origins, long low, int first, int bytes, out RegisterState value)
    {
        value = RegisterState.UnknownScalar;
        if (bytes == 8 || (bytes == slot.SpilledBytes && slot.Spill.IsScalar))
        {
            value = slot.Spill;
            value.Origins = origins;
            return true;
        }
        if (!slot.Spill.IsScalar)
            return inspection.Limits.AllowsPointerLeaks || inspection.Refuse(RejectionReason.PointerLeak, $"invalid size of register fill at fp{low}: {bytes} bytes of a pointer");
        var part = slot.Spill.Range;
        if (first > 0)
            part = ScalarArithmetic.Apply(AluOperation.ShiftRight, wide: true, signed: false, part, ScalarRange.Constant((ulong)first * 8));
        part.Truncate(bytes);
        value = RegisterState.OfScalar(part, origins);
        return true;
    }

    public bool Store(int register, in RegisterState pointer, int offset, int bytes, in RegisterState value, int valueRegister)
    {
        if (!Locate(register, pointer, offset, bytes, "write to", out var low, out var high))
            return false;
        if (value.Kind == ValueKind.Stack && value.Frame > pointer.Frame)
            return inspection.Refuse(RejectionReason.InvalidMemoryAccess, $"R{valueRegister} cannot spill pointers to stack into stack frame of the caller");
        var frame = inspection.State.Frames[pointer.Frame];
        if (low != high)
            return StoreSomewhere(frame, low, (int)(high - low) + bytes, value, valueRegister);
        var slotIndex = SlotOf(low);
        var slot = frame.Own(slotIndex);
        var first = (int)(low & 7);
        if (bytes == 8)
        {
            slot.Spill = value;
            for (var i = 0; i < 8; i++)
                slot[i] = StackByte.Spilled;
            frame.WrittenSlots |= 1UL << slotIndex;
            return true;
        }
        if (value.IsPointer && !inspection.Limits.AllowsPointerLeaks)
            return inspection.Refuse(RejectionReason.PointerLeak, $"R{valueRegister} invalid size of register spill: {bytes} bytes of a pointer");
        slot.Scrub();
        if (first == 0 && value.IsScalar)
        {
            slot.Spill = value;
            if (value.Range.Wide.UMax >> (bytes * 8) != 0)
                slot.Spill.Link = 0;
            slot.Spill.Range.Truncate(bytes);
            for (var i = 0; i < bytes; i++)
                slot[i] = StackByte.Spilled;
            return true;
        }
        if (value.IsNull)
            inspection.State.MarkPrecise(value.Origins);
        for (var i = first; i < first + bytes; i++)
            slot[i] = value.IsNull ? StackByte.Zero : StackByte.Number;
        return true;
    }

    /// <summary>A store whose place is not known: every slot it may hit loses what was known; nothing becomes initialised.</summary>
    private bool StoreSomewhere(StackFrame frame, long low, int bytes, in RegisterState value, int valueRegister)
    {
        if (value.IsPointer)
            return inspection.Refuse(RejectionReason.InvalidMemoryAccess, $"R{valueRegister} spill of a pointer to a variable stack offset");
        for (var at = low; at < low + bytes; at++)
        {
            var slot = frame.Own(SlotOf(at));
            slot.Scrub();
            if (slot[(int)(at & 7)] == StackByte.Zero && !(value.IsNull && value.Origins is null))
                slot[(int)(at & 7)] = StackByte.Number;
        }
        return true;
    }

    /// <summary>Every byte is initialised, and none belongs to a pointer.</summary>
    public bool IsReadable(int register, in RegisterState pointer, long low, int bytes)
    {
        var frame = inspection.State.Frames[pointer.Frame];
        for (var at = low; at < low + bytes; at++)
        {
            var slotIndex = SlotOf(at);
            var slot = frame.Slot(slotIndex);
            if (slot[(int)(at & 7)] == StackByte.Invalid)
                return Unreadable(low, (int)(at - low), bytes);
            if (slot[(int)(at & 7)] == StackByte.Spilled && slot.Spill.IsPointer && !inspection.Limits.AllowsPointerLeaks)
                return inspection.Refuse(RejectionReason.PointerLeak, $"R{register} leaks addr of a pointer spilled at fp{at & ~7L}");
            inspection.State.MarkSlotRead(pointer.Frame, slotIndex);
        }
        return true;
    }

    /// <summary>A function filled the bytes, or some of them: then all of them were initialised before.</summary>
    public void Fill(in RegisterState pointer, long low, int bytes)
    {
        var frame = inspection.State.Frames[pointer.Frame];
        for (var at = low; at < low + bytes; at++)
        {
            var slot = frame.Own(SlotOf(at));
            slot.Scrub();
            slot[(int)(at & 7)] = StackByte.Number;
            if ((at & 7) == 7 && at - 7 >= low)
                frame.WrittenSlots |= 1UL << SlotOf(at);
        }
    }

    /// <summary>The lowest and highest address that the access can begin at, counted from the frame pointer; within the stack.</summary>
    public bool Locate(int register, in RegisterState pointer, int offset, long bytes, string verb, out long low, out long high)
    {
        var known = pointer.Offset + (long)offset;
        low = known + (pointer.Range.IsConstant ? (long)pointer.Range.Value : pointer.Range.Wide.SMin);
        high = known + (pointer.Range.IsConstant ? (long)pointer.Range.Value : pointer.Range.Wide.SMax);
        if (!pointer.Range.IsConstant && (pointer.Range.Wide.SMin <= -Inspection.OffsetMax || pointer.Range.Wide.SMax >= Inspection.OffsetMax))
            return inspection.Refuse(RejectionReason.OutOfBounds, $"invalid unbounded variable-offset {verb} stack R{register}");
        if (low < -inspection.Limits.StackBytesMax || high > -bytes)
        {
            return inspection.Refuse(RejectionReason.OutOfBounds, low == high
                ? $"invalid {verb} stack R{register} off={low} size={bytes}"
                : $"invalid variable-offset {verb} stack R{register} var_off={pointer.Range} off={known} size={bytes}");
        }
        if (low < 0)
            inspection.NeedStack(inspection.State.Frames[pointer.Frame].Subprogram, (int)-low);
        return true;
    }

    private static int SlotOf(long offset) => (int)((-offset - 1) / 8);

    private bool Unreadable(long low, int at, int bytes) =>
        inspection.Refuse(RejectionReason.UninitialisedStack, $"invalid read from stack off {low}+{at} size {bytes}: nothing was written there");
}
