using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;
using Fathom.Models.Architectures;
using Fathom.Models.Gguf;
using Fathom.Models.Sources;

namespace Fathom.Models.Quantization;

/// <summary>Converts a model in full or half precision (GGUF file or Hugging Face folder) to a GGUF file of another format.</summary>
public static class ModelQuantizer
{
    /// <summary>Writes the converted model.</summary>
    /// <param name="input">GGUF file with F32, F16 or BF16 weights, or Hugging Face folder.</param>
    /// <param name="output">GGUF file to write; appears when it is complete, replacing an earlier one.</param>
    /// <param name="format">What to write.</param>
    /// <param name="threads">Compute threads; 0 = one per processor.</param>
    /// <param name="progress">Told the fraction done, from 0 to 1, on the calling thread.</param>
    /// <param name="cancellation">Checked between tensors; the partial file is removed.</param>
    /// <exception cref="ModelException">The input is not a model that can be converted.</exception>
    /// <exception cref="IOException">Reading or writing failed.</exception>
    public static void Quantize(
        string input, string output, WeightFormat format, int threads = 0, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(format);
        using ModelSource source = ModelSource.Open(input);
        RequirePlainWeights(source);
        GgufMetadata metadata = source.DescribeAsGguf();
        metadata.Set("general.quantization_version", 2u);
        metadata.Set("general.file_type", (uint)format.FileType);

        ModelConfig config = source.Config;
        List<(string Name, float[] Values)> factors = GgufConfigWriter.FactorTensors(config);
        var plans = new List<GgufTensorPlan>();
        foreach (TensorSpec spec in source.Tensors)
            plans.Add(new GgufTensorPlan(spec.Name, format.TypeOf(spec, config), spec.Shape));
        foreach ((string name, float[] values) in factors)
            plans.Add(new GgufTensorPlan(name, TensorType.F32, values.Length));

        using var pool = new ComputePool(threads > 0 ? threads : Environment.ProcessorCount);
        using GgufWriter writer = GgufWriter.Create(output, metadata, plans);
        long valuesTotal = source.Tensors.Sum(Values);
        long valuesDone = 0;
        progress?.Invoke(0);
        for (int i = 0; i < source.Tensors.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            TensorSpec spec = source.Tensors[i];
            using (TensorData data = source.Read(spec))
                Convert(pool, writer, i, spec, source.TypeOf(spec), plans[i].Type, data.View);
            source.Release(spec);
            valuesDone += Values(spec);
            progress?.Invoke((double)valuesDone / valuesTotal);
        }

        for (int i = 0; i < factors.Count; i++)
        {
            var bytes = new byte[4 * factors[i].Values.Length];
            BlockCodec.Encode(TensorType.F32, factors[i].Values, bytes);
            writer.Write(source.Tensors.Count + i, 0, bytes);
        }

        writer.Complete();
    }

    private static long Values(TensorSpec spec) => (long)spec.Rows * spec.Columns;

    private static void RequirePlainWeights(ModelSource source)
    {
        foreach (TensorSpec spec in source.Tensors)
        {
            TensorType type = source.TypeOf(spec);
            if (type is not (TensorType.F32 or TensorType.F16 or TensorType.BF16))
                throw new UnsupportedModelException(source.Origin, spec.Name, $"is {type}: quantising what is quantised already would lose twice; F32, F16 or BF16 is needed");
        }
    }

    private static void Convert(ComputePool pool, GgufWriter writer, int index, TensorSpec spec, TensorType from, TensorType to, NativeView data)
    {
        var work = new RowConversion(pool.Threads, spec.Columns, from, to) { Writer = writer, Tensor = index, Rows = spec.Rows, Data = data };
        pool.Run(ref work, work.Items);
    }
}
