namespace Fathom.Bpf.Verification;

/// <summary>
/// A state kept where paths meet. While paths go on from it, it collects what they read of it (live) and which of its numbers' ranges they
/// relied on (precise); when all of them ended, a state that agrees in these places needs no exploration.
/// </summary>
/// <remarks>
/// Each number carries the places of the last checkpoint that it was computed from, so a demand goes to the checkpoint at once
/// and from there, through the origins of the marked places, to the ones before.
/// </remarks>
internal sealed class Checkpoint
{
    private readonly uint[] _liveRegisters;
    private readonly ulong[] _liveSlots;
    private OriginSet? _precise;

    /// <param name="state">A state of its own; its parent is the checkpoint before.</param>
    public Checkpoint(MachineState state)
    {
        State = state;
        _liveRegisters = new uint[state.Frames.Count];
        _liveSlots = new ulong[state.Frames.Count];
    }

    public MachineState State { get; }

    /// <summary>Paths from here that did not end yet.</summary>
    public int Branches { get; set; } = 1;

    public bool IsLive(int frame, int register) => (_liveRegisters[frame] & (1U << register)) != 0;

    public bool IsSlotLive(int frame, int slot) => (_liveSlots[frame] & (1UL << slot)) != 0;

    public bool IsPrecise(int place) => _precise is { } precise && precise.Contains(place);

    public void MarkLiveRegister(int frame, int register)
    {
        var bit = 1U << register;
        for (var checkpoint = this; checkpoint is not null && frame < checkpoint._liveRegisters.Length; checkpoint = checkpoint.State.Parent)
        {
            if ((checkpoint._liveRegisters[frame] & bit) != 0)
                return;
            checkpoint._liveRegisters[frame] |= bit;
            if ((checkpoint.State.Frames[frame].WrittenRegisters & bit) != 0)
                return;
        }
    }

    public void MarkLiveSlot(int frame, int slot)
    {
        var bit = 1UL << slot;
        for (var checkpoint = this; checkpoint is not null && frame < checkpoint._liveSlots.Length; checkpoint = checkpoint.State.Parent)
        {
            if ((checkpoint._liveSlots[frame] & bit) != 0)
                return;
            checkpoint._liveSlots[frame] |= bit;
            if ((checkpoint.State.Frames[frame].WrittenSlots & bit) != 0)
                return;
        }
    }

    public void MarkPrecise(OriginSet? places)
    {
        for (var checkpoint = this; checkpoint is not null && places is not null; checkpoint = checkpoint.State.Parent)
        {
            places = places.Except(checkpoint._precise);
            if (places is null)
                return;
            checkpoint._precise = OriginSet.Union(checkpoint._precise, places);
            OriginSet? before = null;
            foreach (var place in places)
                before = OriginSet.Union(before, OriginsAt(checkpoint.State, place));
            places = before;
        }
    }

    /// <summary>Demands of the paths from here become demands on a state that is not explored because this checkpoint covers it.</summary>
    public void PassDemandsTo(MachineState state)
    {
        for (var frame = 0; frame < _liveRegisters.Length; frame++)
        {
            for (var live = _liveRegisters[frame]; live != 0; live &= live - 1)
                state.MarkRead(frame, System.Numerics.BitOperations.TrailingZeroCount(live));
            for (var live = _liveSlots[frame]; live != 0; live &= live - 1)
                state.MarkSlotRead(frame, System.Numerics.BitOperations.TrailingZeroCount(live));
        }
        if (_precise is null)
            return;
        OriginSet? origins = null;
        foreach (var place in _precise)
            origins = OriginSet.Union(origins, OriginsAt(state, place));
        state.MarkPrecise(origins);
    }

    private static OriginSet? OriginsAt(MachineState state, int place)
    {
        var (frame, register, slot) = OriginSet.Locate(place);
        return register >= 0 ? state.Frames[frame].Registers[register].Origins : state.Frames[frame].OriginsOf(slot);
    }
}
