namespace Fathom.BuiltinModel.Training;

/// <summary>One named parameter inside the flat vector of all parameters.</summary>
/// <param name="Name">The tensor's GGUF name.</param>
/// <param name="Offset">First value in the flat vector.</param>
/// <param name="Rows">Outputs; 1 for a norm.</param>
/// <param name="Columns">Inputs.</param>
internal sealed record NetworkParameter(string Name, int Offset, int Rows, int Columns)
{
    public int Count => Rows * Columns;

    public bool IsNorm => Rows == 1;

    public bool IsHiddenMatrix => !IsNorm && Offset > 0;
}

/// <summary>
/// One value per parameter (weights, gradients or optimizer moments) in one flat tensor, so that the optimizer, clipping and checkpoints
/// walk a single span. q, k, v and gate, up lie next to each other and multiply as one matrix.
/// </summary>
internal sealed unsafe class NetworkWeights
{
    private readonly NetworkShape _shape;
    private readonly int[] _layerOffsets;

    public NetworkWeights(NetworkShape shape)
    {
        _shape = shape;
        Parameters = Layout(shape);
        NetworkParameter last = Parameters[^1];
        Flat = new Tensor(1, last.Offset + last.Count);
        _layerOffsets = [.. Enumerable.Range(0, shape.Layers).Select(layer => Parameters.First(p => p.Name == $"blk.{layer}.attn_norm.weight").Offset)];
    }

    public IReadOnlyList<NetworkParameter> Parameters { get; }

    public Tensor Flat { get; }

    public MatrixView Embedding => At(0, _shape.Vocabulary, _shape.Hidden);

    public MatrixView OutputNorm => At(Parameters[^1].Offset, 1, _shape.Hidden);

    public MatrixView AttentionNorm(int layer) => At(_layerOffsets[layer], 1, _shape.Hidden);

    public MatrixView Qkv(int layer) => At(_layerOffsets[layer] + _shape.Hidden, _shape.QkvWidth, _shape.Hidden);

    public MatrixView AttentionOutput(int layer) => At(_layerOffsets[layer] + (_shape.Hidden * (1 + _shape.QkvWidth)), _shape.Hidden, _shape.Hidden);

    public MatrixView FeedForwardNorm(int layer) => At(FeedForwardOffset(layer), 1, _shape.Hidden);

    public MatrixView GateUp(int layer) => At(FeedForwardOffset(layer) + _shape.Hidden, 2 * _shape.FeedForward, _shape.Hidden);

    public MatrixView Down(int layer) =>
        At(FeedForwardOffset(layer) + (_shape.Hidden * (1 + (2 * _shape.FeedForward))), _shape.Hidden, _shape.FeedForward);

    public Span<float> Values(NetworkParameter parameter) => Flat.Span.Slice(parameter.Offset, parameter.Count);

    /// <summary>Normal initialisation: 0.02 for embeddings, 1/sqrt(inputs) for matrices, less for those that write into the residual.</summary>
    public void Initialise(ulong seed)
    {
        var random = new SeededRandom(seed);
        foreach (NetworkParameter parameter in Parameters)
        {
            Span<float> values = Flat.Span.Slice(parameter.Offset, parameter.Count);
            if (parameter.IsNorm)
            {
                values.Fill(1f);
                continue;
            }

            bool writesResidual = parameter.Name.Contains("output", StringComparison.Ordinal) || parameter.Name.Contains("down", StringComparison.Ordinal);
            double deviation = parameter.Offset == 0 ? 0.02 : 0.7 / Math.Sqrt(parameter.Columns);
            if (writesResidual)
                deviation /= Math.Sqrt(2.0 * _shape.Layers);
            for (int i = 0; i < values.Length; i++)
                values[i] = (float)(random.NextNormal() * deviation);
        }
    }

    private int FeedForwardOffset(int layer) => _layerOffsets[layer] + (_shape.Hidden * (1 + _shape.QkvWidth + _shape.Hidden));

    // SAFETY: offsets come from the layout that sized Flat.
    private MatrixView At(int offset, int rows, int columns) => new(Flat.Pointer + offset, rows, columns, columns, 1);

    private static List<NetworkParameter> Layout(NetworkShape shape)
    {
        var parameters = new List<NetworkParameter>();
        int offset = 0;
        void Add(string name, int rows, int columns)
        {
            parameters.Add(new NetworkParameter(name, offset, rows, columns));
            offset = checked(offset + (rows * columns));
        }

        Add("token_embd.weight", shape.Vocabulary, shape.Hidden);
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            Add($"blk.{layer}.attn_norm.weight", 1, shape.Hidden);
            Add($"blk.{layer}.attn_q.weight", shape.Hidden, shape.Hidden);
            Add($"blk.{layer}.attn_k.weight", shape.KvWidth, shape.Hidden);
            Add($"blk.{layer}.attn_v.weight", shape.KvWidth, shape.Hidden);
            Add($"blk.{layer}.attn_output.weight", shape.Hidden, shape.Hidden);
            Add($"blk.{layer}.ffn_norm.weight", 1, shape.Hidden);
            Add($"blk.{layer}.ffn_gate.weight", shape.FeedForward, shape.Hidden);
            Add($"blk.{layer}.ffn_up.weight", shape.FeedForward, shape.Hidden);
            Add($"blk.{layer}.ffn_down.weight", shape.Hidden, shape.FeedForward);
        }

        Add("output_norm.weight", 1, shape.Hidden);
        return parameters;
    }
}
