namespace Fathom.Bpf.Verification;

internal enum MeetingOutcome
{
    GoOn,
    Covered,
    Loops,
}

/// <summary>The checkpoints of a walk, by instruction.</summary>
internal sealed class CheckpointStore(int instructions)
{
    private const int CheckpointsPerInstructionMax = 256;
    private const int OpenTurnsMax = 64;
    private const int InstructionsPerTurn = 100;

    private readonly List<Checkpoint>?[] _at = new List<Checkpoint>?[instructions];
    private readonly StateComparison _comparison = new();
    private int _instructionsAtLast;
    private int _jumpsAtLast;

    public int Kept { get; private set; }

    /// <summary>Compares a state with the checkpoints at its instruction, and may make it one.</summary>
    public MeetingOutcome Meet(MachineState state, int instructionsProcessed, int jumpsProcessed)
    {
        // A checkpoint every few instructions costs more than it saves.
        var keep = jumpsProcessed - _jumpsAtLast >= 2 && instructionsProcessed - _instructionsAtLast >= 8;
        var open = 0;
        if (_at[state.Instruction] is { } checkpoints)
        {
            // The latest first: a path that forked off a loop meets the turns that were walked last.
            for (var i = checkpoints.Count - 1; i >= 0; i--)
            {
                var checkpoint = checkpoints[i];
                if (checkpoint.Branches > 0)
                {
                    open++;
                    if (_comparison.IsSame(checkpoint, state))
                        return MeetingOutcome.Loops;
                }
                else if (_comparison.Covers(checkpoint, state))
                {
                    checkpoints.RemoveAt(i);
                    checkpoints.Add(checkpoint);
                    checkpoint.PassDemandsTo(state);
                    return MeetingOutcome.Covered;
                }
            }
            // A long loop: checkpoints of every turn would only cost memory.
            if (open >= OpenTurnsMax && instructionsProcessed - _instructionsAtLast < InstructionsPerTurn)
                keep = false;
            if (keep && checkpoints.Count >= CheckpointsPerInstructionMax)
                checkpoints.RemoveAt(0);
        }
        if (keep)
            Keep(state, instructionsProcessed, jumpsProcessed);
        return MeetingOutcome.GoOn;
    }

    private void Keep(MachineState state, int instructionsProcessed, int jumpsProcessed)
    {
        var checkpoint = new Checkpoint(state.Clone());
        (_at[state.Instruction] ??= []).Add(checkpoint);
        Kept++;
        (_instructionsAtLast, _jumpsAtLast) = (instructionsProcessed, jumpsProcessed);
        state.Parent = checkpoint;
        foreach (var frame in state.Frames)
            frame.BeginAfterCheckpoint();
    }

    /// <summary>A path ended: checkpoints that no other path goes on from are complete.</summary>
    public static void EndPath(MachineState state)
    {
        for (var checkpoint = state.Parent; checkpoint is not null; checkpoint = checkpoint.State.Parent)
        {
            if (--checkpoint.Branches > 0)
                return;
        }
    }
}
