namespace Fathom.Models.Architectures;

/// <summary>One tensor that a model of some configuration has, under GGUF's name.</summary>
/// <param name="Name">GGUF's name.</param>
/// <param name="Role">What it is for.</param>
/// <param name="Layer">Its block, or -1 outside the blocks.</param>
/// <param name="Rows">Outputs of a matrix; 1 for a vector.</param>
/// <param name="Columns">Inputs of a matrix, or values of a vector.</param>
/// <param name="Part">Weight or bias.</param>
/// <param name="Required">False for biases that a model may have.</param>
internal sealed record TensorSpec(string Name, TensorRole Role, int Layer, int Rows, int Columns, TensorPart Part, bool Required)
{
    /// <summary>Norm weights and biases; they stay in full precision.</summary>
    public bool IsVector => Part == TensorPart.Bias || Role is TensorRole.OutputNorm or TensorRole.AttentionNorm or TensorRole.QueryNorm
        or TensorRole.KeyNorm or TensorRole.PostAttentionNorm or TensorRole.FeedForwardNorm or TensorRole.PostFeedForwardNorm;

    /// <summary>Shape as GGUF writes it: contiguous dimension first.</summary>
    public long[] Shape => IsVector ? [Columns] : [Columns, Rows];
}

/// <summary>The two tensors a linear layer or a norm can have.</summary>
internal enum TensorPart
{
    Weight,
    Bias,
}
