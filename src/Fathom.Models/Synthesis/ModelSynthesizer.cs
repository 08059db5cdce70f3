using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Models.Architectures;
using Fathom.Models.Gguf;
using Fathom.Models.Quantization;

namespace Fathom.Models.Synthesis;

/// <summary>Makes models with random weights: for measuring and testing, of any storage format, valid for every GGUF reader.</summary>
public static class ModelSynthesizer
{
    /// <summary>Writes a model. The same shape, format and seed give the same bytes on every machine.</summary>
    /// <param name="output">GGUF file to write; appears when it is complete, replacing an earlier one.</param>
    /// <param name="shape">Size of the model.</param>
    /// <param name="format">Storage format.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="threads">Compute threads; 0 = one per processor.</param>
    /// <param name="progress">Told the fraction done, from 0 to 1, on the calling thread.</param>
    /// <param name="cancellation">Checked between tensors; the partial file is removed.</param>
    /// <exception cref="IOException">Writing failed.</exception>
    public static void Synthesize(
        string output, ModelShape shape, WeightFormat format, ulong seed, int threads = 0, Action<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(format);
        ModelConfig config = shape.Config;
        var metadata = new GgufMetadata(output);
        GgufConfigWriter.Write(config, metadata);
        metadata.Set("general.quantization_version", 2u);
        metadata.Set("general.file_type", (uint)format.FileType);
        SyntheticVocabulary.Write(config.VocabularySize, metadata);

        List<TensorSpec> specs = TensorLayout.List(config).FindAll(spec => spec.Required);
        List<GgufTensorPlan> plans = specs.ConvertAll(spec => new GgufTensorPlan(spec.Name, format.TypeOf(spec, config), spec.Shape));
        long bytesTotal = plans.Sum(plan => plan.Bytes);
        long bytesDone = 0;
        using var pool = new ComputePool(threads > 0 ? threads : Environment.ProcessorCount);
        using GgufWriter writer = GgufWriter.Create(output, metadata, plans);
        progress?.Invoke(0);
        for (int i = 0; i < specs.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (specs[i].IsVector)
                writer.Write(i, 0, Ones(specs[i].Columns));
            else
                WriteMatrix(pool, writer, i, plans[i], Deviation(specs[i], config), seed);
            bytesDone += plans[i].Bytes;
            progress?.Invoke((double)bytesDone / bytesTotal);
        }

        writer.Complete();
    }

    /// <summary>
    /// Projections keep unit variance; what adds to the residual stream is damped by its depth, so that activations stay near
    /// one through all layers.
    /// </summary>
    private static double Deviation(TensorSpec spec, ModelConfig config)
    {
        double unit = 1 / Math.Sqrt(spec.Columns);
        return spec.Role switch
        {
            // Twice unit variance for the logits: sampling has something to choose from.
            TensorRole.TokenEmbedding => config.TiedEmbeddings ? 2 * unit : 1,
            TensorRole.Output => 2 * unit,
            TensorRole.AttentionOutput or TensorRole.Down => unit / Math.Sqrt(2 * config.Layers),
            _ => unit,
        };
    }

    private static byte[] Ones(int count)
    {
        var values = new float[count];
        Array.Fill(values, 1);
        var bytes = new byte[4 * count];
        BlockCodec.Encode(TensorType.F32, values, bytes);
        return bytes;
    }

    private static void WriteMatrix(ComputePool pool, GgufWriter writer, int index, GgufTensorPlan plan, double deviation, ulong seed)
    {
        var work = new RandomWork(pool.Threads, plan) { Writer = writer, Tensor = index, Deviation = deviation, Seed = seed };
        pool.Run(ref work, work.Items);
    }

    /// <summary>Items are runs of blocks of a fixed length, so that the bytes do not depend on the number of threads.</summary>
    private struct RandomWork : IParallelWork
    {
        private const int BytesPerItemMax = 1 << 20;

        private readonly TensorType _type;
        private readonly long _bytes;
        private readonly int _bytesPerItem;
        private readonly byte[][] _buffers;

        public RandomWork(int workers, GgufTensorPlan plan)
        {
            _type = plan.Type;
            _bytes = plan.Bytes;
            int blockBytes = BlockFormat.Get(plan.Type).BytesPerBlock;
            _bytesPerItem = BytesPerItemMax / blockBytes * blockBytes;
            _buffers = new byte[workers][];
        }

        public required GgufWriter Writer { get; init; }

        public required int Tensor { get; init; }

        public required double Deviation { get; init; }

        public required ulong Seed { get; init; }

        public readonly int Items => checked((int)((_bytes + _bytesPerItem - 1) / _bytesPerItem));

        public readonly void Execute(int begin, int end, int worker)
        {
            byte[] buffer = _buffers[worker] ??= new byte[_bytesPerItem];
            for (int item = begin; item < end; item++)
            {
                long offset = (long)item * _bytesPerItem;
                Span<byte> blocks = buffer.AsSpan(0, (int)Math.Min(_bytesPerItem, _bytes - offset));
                var random = new RandomStream(Seed, Tensor, item);
                RandomBlocks.Fill(_type, blocks, Deviation, ref random);
                Writer.Write(Tensor, offset, blocks);
            }
        }
    }
}
