using System.Runtime.CompilerServices;

namespace Fathom.Bpf.Verification;

internal enum StackByte : byte
{
    Invalid,
    Number,
    Zero,
    Spilled,
}

/// <summary>Eight aligned bytes of the stack.</summary>
internal struct StackSlot
{
    /// <summary>The register whose value lies here while bytes are <see cref="StackByte.Spilled"/>; its low bytes, where not all are.</summary>
    public RegisterState Spill;

    private EightBytes _bytes;

    public StackByte this[int index]
    {
        readonly get => _bytes[index];
        set => _bytes[index] = value;
    }

    public readonly bool IsSpill => _bytes[0] == StackByte.Spilled;

    public readonly int SpilledBytes
    {
        get
        {
            var count = 0;
            while (count < 8 && _bytes[count] == StackByte.Spilled)
                count++;
            return count;
        }
    }

    /// <summary>The value as plain bytes: what a spilled number leaves when part of it is overwritten. A pointer leaves nothing that may be read.</summary>
    public void Scrub()
    {
        if (!IsSpill)
            return;
        var left = !Spill.IsScalar ? StackByte.Invalid : Spill.IsNull && Spill.Origins is null ? StackByte.Zero : StackByte.Number;
        for (var i = 0; i < 8; i++)
        {
            if (_bytes[i] == StackByte.Spilled)
                _bytes[i] = left;
        }
        Spill = default;
    }

    [InlineArray(8)]
    private struct EightBytes
    {
        private StackByte _element;
    }
}

/// <summary>Registers and stack of an active subprogram.</summary>
internal sealed class StackFrame
{
    public const int SlotsMax = 64;
    public const int RegisterCount = 11;

    public readonly RegisterState[] Registers = new RegisterState[RegisterCount];

    /// <summary>Slots from the frame pointer down: slot i covers the bytes at -8(i+1) to -8i-1. Only those touched so far.</summary>
    public StackSlot[] Slots = [];

    private bool _isShared;

    public int SlotCount;

    /// <summary>Index of the call that began it; -1 for the program itself.</summary>
    public readonly int CallSite;

    public readonly int Subprogram;

    /// <summary>Registers and slots written since the last checkpoint: reading them concerns no older state.</summary>
    public uint WrittenRegisters;
    public ulong WrittenSlots;

    public StackFrame(int callSite, int subprogram)
    {
        CallSite = callSite;
        Subprogram = subprogram;
    }

    public StackFrame Clone()
    {
        var copy = new StackFrame(CallSite, Subprogram) { SlotCount = SlotCount, WrittenRegisters = WrittenRegisters, WrittenSlots = WrittenSlots };
        Registers.AsSpan().CopyTo(copy.Registers);
        // Most copies end before they write to the stack: they share it until then.
        copy.Slots = Slots;
        _isShared = copy._isShared = SlotCount > 0;
        return copy;
    }

    /// <summary>The slots, this frame's own from now on. Whoever changes one takes them from here.</summary>
    public StackSlot[] OwnSlots()
    {
        if (_isShared)
        {
            Slots = Slots.AsSpan(0, SlotCount).ToArray();
            _isShared = false;
        }
        return Slots;
    }

    /// <summary>The slot, made when it was not touched before.</summary>
    public ref StackSlot Slot(int index)
    {
        OwnSlots();
        if (index >= SlotCount)
        {
            if (index >= Slots.Length)
                Array.Resize(ref Slots, Math.Min(SlotsMax, Math.Max(index + 1, Slots.Length * 2)));
            SlotCount = index + 1;
        }
        return ref Slots[index];
    }
}
