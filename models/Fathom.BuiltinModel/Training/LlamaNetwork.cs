using System.Collections.Concurrent;

namespace Fathom.BuiltinModel.Training;

/// <summary>
/// The Llama architecture in f32 with its gradient: RMS norm, interleaved RoPE, grouped-query attention, SwiGLU, tied embeddings.
/// </summary>
/// <remarks>
/// Owns the activations of one batch; <see cref="Loss"/> fills them, <see cref="Backward"/> consumes them. One caller at a time. Work is
/// shared out by rows, documents or tiles of the output and reductions run over fixed pieces in order, so the numbers do not depend on
/// the number of threads.
/// </remarks>
internal sealed unsafe class LlamaNetwork
{
    // Rows per piece of work; also the fixed piece over which norm gradients are first summed.
    private const int RowPiece = 64;

    private readonly NetworkShape _shape;
    private readonly NetworkWeights _weights;
    private readonly MatrixProduct _product;
    private readonly ParallelOptions _parallel;
    private readonly int _tokensMax;
    private readonly LayerActivations[] _layers;
    private readonly Tensor _final, _finalNormed, _finalScales, _logits, _losses, _dResidual, _dNormed, _dQkv, _dHidden, _dAttention, _normPieces;
    private readonly Tensor _cosines, _sines;
    private readonly int[] _positions;
    private readonly ConcurrentBag<DocumentAttention> _attention = [];

    public LlamaNetwork(NetworkShape shape, NetworkWeights weights, int tokensMax, int threads)
    {
        if (shape.Hidden % 16 != 0 || shape.FeedForward % 16 != 0 || shape.Vocabulary % 16 != 0 || shape.HeadSize % 2 != 0)
            throw new ArgumentException("widths must be multiples of 16 and the head size even", nameof(shape));
        _shape = shape;
        _weights = weights;
        _tokensMax = tokensMax;
        _product = new MatrixProduct(threads);
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        _layers = [.. Enumerable.Range(0, shape.Layers).Select(_ => new LayerActivations(shape, tokensMax))];
        _final = new Tensor(tokensMax, shape.Hidden);
        _finalNormed = new Tensor(tokensMax, shape.Hidden);
        _finalScales = new Tensor(1, tokensMax);
        _logits = new Tensor(tokensMax, shape.Vocabulary);
        _losses = new Tensor(1, tokensMax);
        _dResidual = new Tensor(tokensMax, shape.Hidden);
        _dNormed = new Tensor(tokensMax, shape.Hidden);
        _dAttention = new Tensor(tokensMax, shape.Hidden);
        _dQkv = new Tensor(tokensMax, shape.QkvWidth);
        _dHidden = new Tensor(tokensMax, shape.FeedForward);
        _normPieces = new Tensor(Pieces(tokensMax), shape.Hidden);
        _positions = new int[tokensMax];
        (_cosines, _sines) = RotaryTable(shape);
    }

    /// <summary>Logits of the last call of <see cref="Forward"/>, [tokens, vocabulary]; overwritten by <see cref="Loss"/>.</summary>
    public Tensor Logits => _logits;

    /// <summary>-log p(target) per token of the last call of <see cref="Loss"/>.</summary>
    public ReadOnlySpan<float> TokenLosses => _losses.Span;

    /// <summary>Fills the activations and the logits of every token.</summary>
    public void Forward(ReadOnlySpan<int> tokens, int[] documentStarts)
    {
        int count = tokens.Length;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _tokensMax);
        for (int d = 0; d + 1 < documentStarts.Length; d++)
        {
            for (int t = documentStarts[d]; t < documentStarts[d + 1]; t++)
                _positions[t] = t - documentStarts[d];
        }

        Tensor input = _layers[0].Input;
        for (int t = 0; t < count; t++)
            EmbeddingRow(tokens[t]).CopyTo(input.Row(t));

        for (int layer = 0; layer < _shape.Layers; layer++)
        {
            LayerActivations a = _layers[layer];
            Tensor next = layer + 1 < _shape.Layers ? _layers[layer + 1].Input : _final;
            Normalise(a.Input, _weights.AttentionNorm(layer), a.Normed, a.Scales, count);
            _product.Multiply(a.Normed.Top(count), _weights.Qkv(layer).Transposed, a.Qkv.Top(count));
            Rotate(a.Qkv, count, 1f);
            Attend(documentStarts, (worker, start, length, head) => worker.Forward(a.Qkv.View, start, length, head, a.Attention.View));
            Copy(a.Input, a.Middle, count);
            _product.Multiply(a.Attention.Top(count), _weights.AttentionOutput(layer).Transposed, a.Middle.Top(count), accumulate: true);

            Normalise(a.Middle, _weights.FeedForwardNorm(layer), a.MiddleNormed, a.MiddleScales, count);
            _product.Multiply(a.MiddleNormed.Top(count), _weights.GateUp(layer).Transposed, a.GateUp.Top(count));
            Rows(count, (begin, end) => LayerFunctions.SwiGlu(a.GateUp.Pointer, a.HiddenValues.Pointer, _shape.FeedForward, begin, end));
            Copy(a.Middle, next, count);
            _product.Multiply(a.HiddenValues.Top(count), _weights.Down(layer).Transposed, next.Top(count), accumulate: true);
        }

        Normalise(_final, _weights.OutputNorm, _finalNormed, _finalScales, count);
        _product.Multiply(_finalNormed.Top(count), _weights.Embedding.Transposed, _logits.Top(count));
    }

    /// <summary>
    /// Forward pass, then the mean of -log p(target) under the batch's weights; leaves the gradient of that mean in the logits.
    /// </summary>
    public double Loss(TokenBatch batch)
    {
        Forward(batch.Tokens, batch.DocumentStarts);
        double total = 0;
        foreach (float weight in batch.Weights)
            total += weight;
        float inverse = total > 0 ? (float)(1.0 / total) : 0f;
        int count = batch.Tokens.Length;
        Rows(count, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                float* logits = _logits.Pointer + ((long)t * _shape.Vocabulary);
                _losses.Pointer[t] = LayerFunctions.CrossEntropy(logits, _shape.Vocabulary, batch.Targets[t], batch.Weights[t] * inverse);
            }
        });

        double sum = 0;
        for (int t = 0; t < count; t++)
            sum += (double)batch.Weights[t] * _losses.Pointer[t];
        return total > 0 ? sum / total : 0;
    }

    /// <summary>Adds the gradient of the last <see cref="Loss"/> to <paramref name="gradients"/>.</summary>
    public void Backward(TokenBatch batch, NetworkWeights gradients)
    {
        int count = batch.Tokens.Length;
        _product.Multiply(_logits.Top(count), _weights.Embedding, _dNormed.Top(count));
        _product.Multiply(_logits.Top(count).Transposed, _finalNormed.Top(count), gradients.Embedding, accumulate: true);
        _dResidual.Span.Clear();
        NormaliseGradient(_final, _weights.OutputNorm, _finalScales, gradients.OutputNorm, count);

        for (int layer = _shape.Layers - 1; layer >= 0; layer--)
        {
            LayerActivations a = _layers[layer];
            MatrixView dResidual = _dResidual.Top(count);
            _product.Multiply(dResidual, _weights.Down(layer), _dHidden.Top(count));
            _product.Multiply(dResidual.Transposed, a.HiddenValues.Top(count), gradients.Down(layer), accumulate: true);
            Rows(count, (begin, end) => LayerFunctions.SwiGluGradient(a.GateUp.Pointer, _dHidden.Pointer, _shape.FeedForward, begin, end));
            _product.Multiply(a.GateUp.Top(count), _weights.GateUp(layer), _dNormed.Top(count));
            _product.Multiply(a.GateUp.Top(count).Transposed, a.MiddleNormed.Top(count), gradients.GateUp(layer), accumulate: true);
            NormaliseGradient(a.Middle, _weights.FeedForwardNorm(layer), a.MiddleScales, gradients.FeedForwardNorm(layer), count);

            _product.Multiply(dResidual, _weights.AttentionOutput(layer), _dAttention.Top(count));
            _product.Multiply(dResidual.Transposed, a.Attention.Top(count), gradients.AttentionOutput(layer), accumulate: true);
            Attend(batch.DocumentStarts, (worker, start, length, head) =>
                worker.Backward(a.Qkv.View, start, length, head, _dAttention.View, _dQkv.View));
            Rotate(_dQkv, count, -1f);
            _product.Multiply(_dQkv.Top(count), _weights.Qkv(layer), _dNormed.Top(count));
            _product.Multiply(_dQkv.Top(count).Transposed, a.Normed.Top(count), gradients.Qkv(layer), accumulate: true);
            NormaliseGradient(a.Input, _weights.AttentionNorm(layer), a.Scales, gradients.AttentionNorm(layer), count);
        }

        EmbeddingGradient(batch.Tokens, gradients);
    }

    private Span<float> EmbeddingRow(int token)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)token, (uint)_shape.Vocabulary);
        return _weights.Flat.Span.Slice(token * _shape.Hidden, _shape.Hidden);
    }

    private void EmbeddingGradient(int[] tokens, NetworkWeights gradients)
    {
        // Each piece owns a range of the vocabulary and walks the tokens in order: no two threads add to one row.
        int pieces = Pieces(_shape.Vocabulary);
        Parallel.For(0, pieces, _parallel, piece =>
        {
            int begin = piece * RowPiece, end = begin + RowPiece;
            for (int t = 0; t < tokens.Length; t++)
            {
                if (tokens[t] < begin || tokens[t] >= end)
                    continue;
                Span<float> target = gradients.Flat.Span.Slice(tokens[t] * _shape.Hidden, _shape.Hidden);
                Span<float> source = _dResidual.Row(t);
                for (int j = 0; j < target.Length; j++)
                    target[j] += source[j];
            }
        });
    }

    private void Normalise(Tensor x, MatrixView w, Tensor y, Tensor scales, int count) =>
        Rows(count, (begin, end) =>
            LayerFunctions.RmsNorm(x.Pointer, w.Pointer, y.Pointer, scales.Pointer, _shape.Hidden, _shape.NormEpsilon, begin, end));

    /// <summary>Adds to _dResidual what comes back through a norm whose output gradient is in _dNormed.</summary>
    private void NormaliseGradient(Tensor x, MatrixView w, Tensor scales, MatrixView dw, int count)
    {
        _normPieces.Span.Clear();
        Rows(count, (begin, end) => LayerFunctions.RmsNormGradient(
            x.Pointer, w.Pointer, _dNormed.Pointer, scales.Pointer, _dResidual.Pointer, _normPieces.Pointer + (begin / RowPiece * _shape.Hidden), _shape.Hidden, begin, end));
        for (int piece = 0; piece < Pieces(count); piece++)
        {
            Span<float> partial = _normPieces.Row(piece);
            for (int j = 0; j < partial.Length; j++)
                dw.Pointer[j] += partial[j];
        }
    }

    private void Rotate(Tensor qkv, int count, float direction) =>
        Rows(count, (begin, end) => LayerFunctions.Rotate(
            qkv.Pointer, _shape.QkvWidth, _shape.Hidden + _shape.KvWidth, _positions, _cosines.Pointer, _sines.Pointer, _shape.HeadSize, direction, begin, end));

    private void Copy(Tensor from, Tensor to, int count) =>
        Rows(count, (begin, end) => from.Span[(begin * _shape.Hidden)..(end * _shape.Hidden)].CopyTo(to.Span[(begin * _shape.Hidden)..]));

    private void Rows(int count, Action<int, int> body) =>
        Parallel.For(0, Pieces(count), _parallel, piece => body(piece * RowPiece, Math.Min(count, (piece + 1) * RowPiece)));

    private void Attend(int[] starts, Action<DocumentAttention, int, int, int> body)
    {
        int documents = starts.Length - 1;
        Parallel.For(0, documents * _shape.KvHeads, _parallel, item =>
        {
            int document = item / _shape.KvHeads;
            if (!_attention.TryTake(out DocumentAttention? worker))
                worker = new DocumentAttention(_shape);
            body(worker, starts[document], starts[document + 1] - starts[document], item % _shape.KvHeads);
            _attention.Add(worker);
        });
    }

    private static int Pieces(int count) => (count + RowPiece - 1) / RowPiece;

    private static (Tensor Cosines, Tensor Sines) RotaryTable(NetworkShape shape)
    {
        int half = shape.HeadSize / 2;
        var cosines = new Tensor(shape.Context, half);
        var sines = new Tensor(shape.Context, half);
        for (int position = 0; position < shape.Context; position++)
        {
            for (int pair = 0; pair < half; pair++)
            {
                double angle = position * Math.Pow(shape.RopeBase, -2.0 * pair / shape.HeadSize);
                cosines.Row(position)[pair] = (float)Math.Cos(angle);
                sines.Row(position)[pair] = (float)Math.Sin(angle);
            }
        }

        return (cosines, sines);
    }

    private sealed class LayerActivations(NetworkShape shape, int tokens)
    {
        public Tensor Input { get; } = new(tokens, shape.Hidden);

        public Tensor Normed { get; } = new(tokens, shape.Hidden);

        public Tensor Scales { get; } = new(1, tokens);

        public Tensor Qkv { get; } = new(tokens, shape.QkvWidth);

        public Tensor Attention { get; } = new(tokens, shape.Hidden);

        public Tensor Middle { get; } = new(tokens, shape.Hidden);

        public Tensor MiddleNormed { get; } = new(tokens, shape.Hidden);

        public Tensor MiddleScales { get; } = new(1, tokens);

        public Tensor GateUp { get; } = new(tokens, 2 * shape.FeedForward);

        public Tensor HiddenValues { get; } = new(tokens, shape.FeedForward);
    }
}
