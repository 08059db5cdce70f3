using System.Diagnostics;

namespace Fathom.Models.Execution;

/// <summary>The parts of a forward pass that <see cref="OperatorClock"/> tells apart.</summary>
public enum ForwardOperator
{
    /// <summary>Token embedding, plan of attention, first norm.</summary>
    Embedding,

    /// <summary>Queries, keys and values.</summary>
    QueryKeyValue,

    /// <summary>Rotation of queries and keys, storing of keys and values.</summary>
    Append,

    /// <summary>Attention.</summary>
    Attention,

    /// <summary>Projection of attention's result.</summary>
    AttentionOutput,

    /// <summary>Gate and up projections.</summary>
    GateUp,

    /// <summary>The activation between them and down.</summary>
    Activation,

    /// <summary>Down projection.</summary>
    Down,

    /// <summary>Residual additions and norms.</summary>
    Residual,

    /// <summary>Output projection to logits.</summary>
    Output,
}

/// <summary>Adds up where the time of forward passes goes, operator by operator.</summary>
/// <remarks>Set on <see cref="TransformerModel.Clock"/>; the thread that runs the model writes it. A mark takes some tens of nanoseconds.</remarks>
public sealed class OperatorClock
{
    private readonly long[] _ticks = new long[Enum.GetValues<ForwardOperator>().Length];
    private long _last;

    /// <summary>Seconds spent in an operator since the last <see cref="Reset"/>.</summary>
    public double Seconds(ForwardOperator part) => (double)_ticks[(int)part] / Stopwatch.Frequency;

    /// <summary>Begins again at zero.</summary>
    public void Reset() => Array.Clear(_ticks);

    internal void Start() => _last = Stopwatch.GetTimestamp();

    /// <summary>What has passed since the last mark belongs to <paramref name="part"/>.</summary>
    internal void Mark(ForwardOperator part)
    {
        var now = Stopwatch.GetTimestamp();
        _ticks[(int)part] += now - _last;
        _last = now;
    }
}
