using Fathom.Models.Execution;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Engine;

/// <summary>Carries out a plan: block copies and imports, then one flat batch through the executor. Gives the rows of logits.</summary>
/// <remarks>Loop thread. Its batch and its logits are reused; they grow to the largest iteration so far.</remarks>
internal sealed class IterationRunner
{
    private readonly IModelExecutor _executor;
    private readonly ForwardBatch _batch;
    private readonly int[] _firstRows;
    private float[] _logits;

    public IterationRunner(IModelExecutor executor, int maxSequences)
    {
        _executor = executor;
        _batch = new ForwardBatch(sequences: maxSequences);
        _firstRows = new int[maxSequences];
        _logits = new float[checked(maxSequences * executor.VocabularySize)];
    }

    /// <summary>Computes the plan.</summary>
    public void Run(IterationPlan plan)
    {
        foreach (ref readonly BlockCopy copy in plan.Copies)
            _executor.CopyBlock(copy.From, copy.To);
        foreach (ref readonly BlockImport import in plan.Imports)
            _executor.WriteBlock(import.To, import.Load.Content(import.Index));
        _batch.Clear();
        ReadOnlySpan<PlannedSequence> entries = plan.Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            ref readonly PlannedSequence entry = ref entries[i];
            ReadOnlySpan<int> tokens = entry.Sequence.Tokens.Slice(entry.FirstPosition, entry.TokenCount);
            _firstRows[i] = _batch.Add(tokens, entry.FirstPosition, entry.Sequence.Blocks, entry.Rows);
        }

        int values = checked(_batch.LogitRowCount * _executor.VocabularySize);
        if (values > _logits.Length)
            _logits = new float[values];
        _executor.Execute(_batch, _logits.AsSpan(0, values));
    }

    /// <summary>A row of logits of an entry of the plan.</summary>
    /// <param name="entry">Index of the entry.</param>
    /// <param name="row">Which of its rows, from 0.</param>
    public Span<float> Row(int entry, int row) =>
        _logits.AsSpan((_firstRows[entry] + row) * _executor.VocabularySize, _executor.VocabularySize);

    /// <summary>The last row of logits of an entry of the plan.</summary>
    public Span<float> LastRow(int entry, in PlannedSequence planned) =>
        Row(entry, planned.Rows == LogitRows.All ? planned.TokenCount - 1 : 0);
}
