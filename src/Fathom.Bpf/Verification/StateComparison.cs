namespace Fathom.Bpf.Verification;

/// <summary>Whether a checkpoint covers a state: everything that can be, from the state on, was explored from the checkpoint.</summary>
internal sealed class StateComparison
{
    private readonly List<(int Old, int Current)> _links = [];
    private int _unlinked;

    /// <summary>The checkpoint's paths all ended; the state agrees in all that they read, as closely as they relied on it.</summary>
    public bool Covers(Checkpoint checkpoint, MachineState current) => Compare(checkpoint, current, exact: false);

    /// <summary>The states are the same in everything: a path that leads from one to the other can be walked for ever.</summary>
    public bool IsSame(Checkpoint checkpoint, MachineState current) => Compare(checkpoint, current, exact: true);

    private bool Compare(Checkpoint checkpoint, MachineState current, bool exact)
    {
        var old = checkpoint.State;
        if (old.Frames.Count != current.Frames.Count || old.Acquisitions.Length != current.Acquisitions.Length)
            return false;
        _links.Clear();
        _unlinked = int.MinValue;
        for (var frame = old.Frames.Count - 1; frame >= 0; frame--)
        {
            StackFrame was = old.Frames[frame], now = current.Frames[frame];
            if (was.CallSite != now.CallSite)
                return false;
            for (var i = 0; i < StackFrame.RegisterCount; i++)
            {
                if (!exact && !checkpoint.IsLive(frame, i))
                    continue;
                if (!CoversValue(was.Registers[i], now.Registers[i], exact, checkpoint.IsPrecise(OriginSet.OfRegister(frame, i))))
                    return false;
            }
            if (!CoversStack(checkpoint, frame, was, now, exact))
                return false;
        }
        for (var i = 0; i < old.Acquisitions.Length; i++)
        {
            if (!SameLink(old.Acquisitions[i], current.Acquisitions[i]))
                return false;
        }
        return true;
    }

    private bool CoversValue(in RegisterState was, in RegisterState now, bool exact, bool precise)
    {
        if (was.Kind == ValueKind.Uninitialised)
            return !exact || now.Kind == ValueKind.Uninitialised;
        if (was.Kind != now.Kind || was.MayBeNull != now.MayBeNull)
            return false;
        if (was.Kind == ValueKind.Scalar)
        {
            if (exact)
                return was.Range.SameAs(now.Range) && SameLink(was.Link, now.Link) && was.LinkDelta == now.LinkDelta;
            return !precise || (was.Range.Contains(now.Range) && (was.Link == 0 || (SameLink(was.Link, now.Link) && was.LinkDelta == now.LinkDelta)));
        }
        if (was.Offset != now.Offset || was.Frame != now.Frame || was.MapIndex != now.MapIndex || was.IsReadOnly != now.IsReadOnly)
            return false;
        if (exact ? !was.Range.SameAs(now.Range) : !was.Range.Contains(now.Range))
            return false;
        var extentCovers = was.IsPacketPointer && !exact ? was.ExtentBytes <= now.ExtentBytes : was.ExtentBytes == now.ExtentBytes;
        return extentCovers && SameLink(was.Link, now.Link) && SameLink(was.Acquisition, now.Acquisition);
    }

    private bool CoversStack(Checkpoint checkpoint, int frame, StackFrame was, StackFrame now, bool exact)
    {
        var count = exact ? Math.Max(was.SlotCount, now.SlotCount) : was.SlotCount;
        for (var i = 0; i < count; i++)
        {
            if (!exact && !checkpoint.IsSlotLive(frame, i))
                continue;
            StackSlot before = was.Slot(i), after = now.Slot(i);
            if (ReferenceEquals(before, after) && !before.IsLinked)
                continue;
            if (!CoversSlot(before, after, exact, checkpoint.IsPrecise(OriginSet.OfSlot(frame, i))))
                return false;
        }
        return true;
    }

    private bool CoversSlot(StackSlot was, StackSlot now, bool exact, bool precise)
    {
        var mustMatchSpill = was.IsSpill && (exact || precise || was.Spill.IsPointer);
        if (mustMatchSpill && (!now.IsSpill || now.SpilledBytes != was.SpilledBytes || !CoversValue(was.Spill, now.Spill, exact, precise)))
            return false;
        for (var b = 0; b < 8; b++)
        {
            StackByte before = was[b], after = now[b];
            var covers = before switch
            {
                StackByte.Invalid => !exact || after == StackByte.Invalid,
                StackByte.Zero => after == StackByte.Zero,
                StackByte.Spilled when mustMatchSpill => after == StackByte.Spilled,
                _ when exact => before == after,
                // Any number will do: of this one nobody asked more.
                _ => after is StackByte.Number or StackByte.Zero || (after == StackByte.Spilled && now.Spill.IsScalar),
            };
            if (!covers)
                return false;
        }
        return true;
    }

    /// <summary>Links have no meaning but which values share them: the two states' links must correspond one to one.</summary>
    private bool SameLink(int old, int current)
    {
        if (old == 0 && current == 0)
            return true;
        if (old == 0)
            old = ++_unlinked;
        if (current == 0)
            current = ++_unlinked;
        foreach (var (knownOld, knownCurrent) in _links)
        {
            if (knownOld == old || knownCurrent == current)
                return knownOld == old && knownCurrent == current;
        }
        _links.Add((old, current));
        return true;
    }
}
