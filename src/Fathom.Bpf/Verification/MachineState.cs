using System.Collections.Immutable;
using System.Text;

namespace Fathom.Bpf.Verification;

/// <summary>What is known at one point of one path: the frames, what was acquired, and the checkpoint that the path came from.</summary>
internal sealed class MachineState
{
    public readonly List<StackFrame> Frames = [];

    /// <summary>Slot index of the next instruction.</summary>
    public int Instruction;

    /// <summary>Records taken and not handed on.</summary>
    public ImmutableArray<int> Acquisitions = [];

    public Checkpoint? Parent;

    public StackFrame Current => Frames[^1];

    public int CurrentIndex => Frames.Count - 1;

    public MachineState Clone()
    {
        var copy = new MachineState { Instruction = Instruction, Acquisitions = Acquisitions, Parent = Parent };
        foreach (var frame in Frames)
            copy.Frames.Add(frame.Clone());
        return copy;
    }

    public void MarkRead(int frame, int register)
    {
        if ((Frames[frame].WrittenRegisters & (1U << register)) == 0)
            Parent?.MarkLiveRegister(frame, register);
    }

    public void MarkSlotRead(int frame, int slot)
    {
        if ((Frames[frame].WrittenSlots & (1UL << slot)) == 0)
            Parent?.MarkLiveSlot(frame, slot);
    }

    /// <summary>From here on, a path that meets this state must have these numbers within the ranges that they have now.</summary>
    public void MarkPrecise(OriginSet? origins)
    {
        if (origins is not null)
            Parent?.MarkPrecise(origins);
    }

    /// <summary>Calls <paramref name="change"/> for each register and spilled value with the link.</summary>
    public void ForEachLinked<TArgument>(int link, ref TArgument argument, ValueChange<TArgument> change)
        where TArgument : allows ref struct
    {
        foreach (var frame in Frames)
        {
            for (var i = 0; i < StackFrame.RegisterCount; i++)
            {
                if (frame.Registers[i].Link == link)
                    change(ref frame.Registers[i], ref argument);
            }
            for (var i = 0; i < frame.SlotCount; i++)
            {
                if (frame.Slot(i) is { IsSpill: true } slot && slot.Spill.Link == link)
                    change(ref frame.Own(i).Spill, ref argument);
            }
        }
    }

    /// <summary>Registers and spilled values that the predicate holds for are uninitialised from here on.</summary>
    public void Forget(Func<RegisterState, bool> predicate)
    {
        foreach (var frame in Frames)
        {
            for (var i = 0; i < StackFrame.RegisterCount; i++)
            {
                if (predicate(frame.Registers[i]))
                    frame.Registers[i] = default;
            }
            for (var i = 0; i < frame.SlotCount; i++)
            {
                if (frame.Slot(i) is { IsSpill: true } slot && predicate(slot.Spill))
                    frame.Own(i).Scrub();
            }
        }
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        for (var f = 0; f < Frames.Count; f++)
        {
            var frame = Frames[f];
            if (Frames.Count > 1)
                text.Append(f == 0 ? "" : " ").Append("frame").Append(f).Append(':');
            for (var i = 0; i < StackFrame.RegisterCount; i++)
            {
                if (frame.Registers[i].Kind != ValueKind.Uninitialised)
                    text.Append(text.Length == 0 ? "" : " ").Append('R').Append(i).Append('=').Append(frame.Registers[i]);
            }
            for (var i = 0; i < frame.SlotCount; i++)
            {
                if (SlotText(frame.Slot(i)) is { } slot)
                    text.Append(" fp-").Append((i + 1) * 8).Append('=').Append(slot);
            }
        }
        return text.ToString();
    }

    private static string? SlotText(StackSlot slot)
    {
        if (slot.IsSpill && slot.SpilledBytes == 8)
            return slot.Spill.ToString();
        var bytes = new char[8];
        for (var i = 0; i < 8; i++)
            bytes[7 - i] = slot[i] switch { StackByte.Number => 'm', StackByte.Zero => '0', StackByte.Spilled => 's', _ => '?' };
        var text = new string(bytes);
        return text == "????????" ? null : text;
    }
}

internal delegate void ValueChange<TArgument>(ref RegisterState value, ref TArgument argument)
    where TArgument : allows ref struct;
