using Fathom.Kernels.Activations;
using Fathom.Kernels.Embedding;
using Fathom.Kernels.Parallelism;
using Fathom.Models.Architectures;

namespace Fathom.Models.Execution;

/// <summary>x = embedding(token) · scale (+ embedding(position)), row by row.</summary>
internal ref struct EmbeddingWork : IParallelWork
{
    public EmbeddingTable Tokens;
    public EmbeddingTable? Positions;
    public ReadOnlySpan<int> TokenIds;
    public ReadOnlySpan<int> PositionIds;
    public float Scale;
    public Span<float> Residual;
    public Span<float> Scratch;

    public readonly void Execute(int begin, int end, int worker)
    {
        int width = Tokens.Columns;
        Span<float> x = Residual.Slice(begin * width, (end - begin) * width);
        Tokens.Gather(TokenIds[begin..end], x);
        if (Scale != 1)
            Activation.Scale(x, Scale, x);
        if (Positions is null)
            return;
        Span<float> positions = Scratch.Slice(begin * width, (end - begin) * width);
        Positions.Gather(PositionIds[begin..end], positions);
        Activation.Add(x, positions, x);
    }
}

/// <summary>normed = norm(residual), row by row.</summary>
internal ref struct NormWork : IParallelWork
{
    public Norm Norm;
    public ReadOnlySpan<float> Residual;
    public Span<float> Normed;

    public readonly void Execute(int begin, int end, int worker)
    {
        int width = Norm.Weight.Length;
        Norm.Apply(Residual.Slice(begin * width, (end - begin) * width), Normed.Slice(begin * width, (end - begin) * width));
    }
}

/// <summary>residual += post-norm(delta + bias); normed = norm(residual): everything between two projections, row by row.</summary>
internal ref struct ResidualWork : IParallelWork
{
    public Linear Projection;
    public Norm? Post;
    public Norm? Next;
    public Span<float> Delta;
    public Span<float> Residual;
    public Span<float> Normed;
    public int Width;

    public readonly void Execute(int begin, int end, int worker)
    {
        // One row at a time, so that it is still in the first-level cache for the next step.
        for (int row = begin; row < end; row++)
        {
            Span<float> delta = Delta.Slice(row * Width, Width);
            Span<float> residual = Residual.Slice(row * Width, Width);
            Projection.AddBias(delta);
            Post?.Apply(delta, delta);
            Activation.Add(residual, delta, residual);
            Next?.Apply(residual, Normed.Slice(row * Width, Width));
        }
    }
}

/// <summary>gate = activation(gate + bias) · (up + bias), or gate = activation(up + bias) without a gate, row by row.</summary>
internal ref struct ActivationWork : IParallelWork
{
    public FeedForwardKind Kind;
    public Linear? GateProjection;
    public Linear UpProjection;
    public Span<float> Gate;
    public Span<float> Up;
    public int Width;

    public readonly void Execute(int begin, int end, int worker)
    {
        Span<float> gate = Gate.Slice(begin * Width, (end - begin) * Width);
        Span<float> up = Up.Slice(begin * Width, (end - begin) * Width);
        GateProjection?.AddBias(gate);
        UpProjection.AddBias(up);
        switch (Kind)
        {
            case FeedForwardKind.SwiGlu: Activation.SwiGlu(gate, up, gate); break;
            case FeedForwardKind.GeGlu: Activation.GeGlu(gate, up, gate); break;
            default: Activation.GeluTanh(up, gate); break;
        }
    }
}

/// <summary>logits = cap · tanh((logits + bias) / cap), row by row; no cap and no bias in most models.</summary>
internal ref struct LogitWork : IParallelWork
{
    public Linear Projection;
    public float SoftCap;
    public Span<float> Logits;
    public int Width;

    public readonly void Execute(int begin, int end, int worker)
    {
        Span<float> logits = Logits.Slice(begin * Width, (end - begin) * Width);
        Projection.AddBias(logits);
        if (SoftCap > 0)
            Activation.SoftCap(logits, SoftCap, logits);
    }
}
