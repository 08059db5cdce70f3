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
/// <remarks>Frames share slots: a slot changes only in the frame that made it its own (<see cref="StackFrame.Own"/>).</remarks>
internal sealed class StackSlot
{
    /// <summary>What was never written.</summary>
    public static readonly StackSlot Untouched = new();

    /// <summary>
    /// The register whose value lies here while bytes are <see cref="StackByte.Spilled"/>; its low bytes, where not all are. What it was
    /// computed from, <see cref="StackFrame.OriginsOf"/> says.
    /// </summary>
    public RegisterState Spill;

    private EightBytes _bytes;

    public StackByte this[int index]
    {
        get => _bytes[index];
        set => _bytes[index] = value;
    }

    public bool IsSpill => _bytes[0] == StackByte.Spilled;

    /// <summary>Whether the value has a number that says which other values belong to it.</summary>
    public bool IsLinked => IsSpill && (Spill.Link | Spill.Acquisition) != 0;

    public int SpilledBytes
    {
        get
        {
            var count = 0;
            while (count < 8 && _bytes[count] == StackByte.Spilled)
                count++;
            return count;
        }
    }

    public StackSlot Copy() => new() { Spill = Spill, _bytes = _bytes };

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

    /// <summary>Index of the call that began it; -1 for the program itself.</summary>
    public readonly int CallSite;

    public readonly int Subprogram;

    /// <summary>Registers and slots written since the last checkpoint: reading them concerns no older state.</summary>
    public uint WrittenRegisters;
    public ulong WrittenSlots;

    private readonly int _index;
    private StackSlot?[] _slots = [];
    private bool _sharesTable;

    /// <summary>Slots that no other frame has.</summary>
    private ulong _own;

    /// <summary>Slots whose value is what it was at the last checkpoint: computed from itself there, whatever it says.</summary>
    private ulong _asAtCheckpoint;

    /// <param name="index">Its place among the active frames, from 0.</param>
    /// <param name="callSite">See <see cref="CallSite"/>.</param>
    /// <param name="subprogram">Which subprogram runs in it.</param>
    public StackFrame(int index, int callSite, int subprogram)
    {
        _index = index;
        CallSite = callSite;
        Subprogram = subprogram;
    }

    /// <summary>Slots from the frame pointer down that were touched: slot i covers the bytes at -8(i+1) to -8i-1.</summary>
    public int SlotCount { get; private set; }

    public StackFrame Clone()
    {
        var copy = new StackFrame(_index, CallSite, Subprogram)
        {
            SlotCount = SlotCount,
            WrittenRegisters = WrittenRegisters,
            WrittenSlots = WrittenSlots,
            _slots = _slots,
            _asAtCheckpoint = _asAtCheckpoint,
        };
        Registers.AsSpan().CopyTo(copy.Registers);
        // Most copies end before they write to the stack: they share it until then, slot by slot.
        _sharesTable = copy._sharesTable = SlotCount > 0;
        _own = 0;
        return copy;
    }

    /// <summary>The slot, to be read only.</summary>
    public StackSlot Slot(int index) => index < SlotCount && _slots[index] is { } slot ? slot : StackSlot.Untouched;

    /// <summary>The slot, this frame's own from now on, made when it was not touched before. Whoever changes one takes it from here.</summary>
    public StackSlot Own(int index)
    {
        if (_sharesTable || index >= _slots.Length)
        {
            var length = index < _slots.Length ? _slots.Length : Math.Min(SlotsMax, Math.Max(index + 1, _slots.Length * 2));
            var slots = new StackSlot?[length];
            _slots.AsSpan(0, SlotCount).CopyTo(slots);
            _slots = slots;
            _sharesTable = false;
        }
        SlotCount = Math.Max(SlotCount, index + 1);
        var bit = 1UL << index;
        if ((_own & bit) != 0 && (_asAtCheckpoint & bit) == 0)
            return _slots[index]!;
        var own = (_own & bit) != 0 ? _slots[index]! : _slots[index]?.Copy() ?? new StackSlot();
        own.Spill.Origins = OriginsOf(index);
        _slots[index] = own;
        _own |= bit;
        _asAtCheckpoint &= ~bit;
        return own;
    }

    /// <summary>What the number that lies in a slot was computed from in the last checkpoint.</summary>
    public OriginSet? OriginsOf(int index)
    {
        var slot = Slot(index);
        if (!slot.IsSpill || !slot.Spill.IsScalar)
            return null;
        return (_asAtCheckpoint & (1UL << index)) != 0 ? OriginSet.Of(OriginSet.OfSlot(_index, index)) : slot.Spill.Origins;
    }

    /// <summary>A checkpoint is made: from here on each number is computed from itself, and nothing is written yet.</summary>
    public void BeginAfterCheckpoint()
    {
        WrittenRegisters = 0;
        WrittenSlots = 0;
        _asAtCheckpoint = ulong.MaxValue;
        for (var i = 0; i < RegisterCount; i++)
        {
            if (Registers[i].IsScalar)
                Registers[i].Origins = OriginSet.Of(OriginSet.OfRegister(_index, i));
        }
    }
}
