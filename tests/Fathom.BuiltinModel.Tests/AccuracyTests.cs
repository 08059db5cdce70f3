using Fathom.Kernels.Attention;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Gguf;
using Xunit.Abstractions;

namespace Fathom.BuiltinModel.Tests;

/// <summary>
/// What the fast products cost in accuracy: mean KL divergence of the next token's distribution from the F32 forward, beside that of the same
/// weights decoded to singles and multiplied in F32 (which has the format's own error and nothing else).
/// </summary>
public sealed class AccuracyTests(ITestOutputHelper output) : IDisposable
{
    private const string Text =
        "Once upon a time, there was a little girl named Mia. Mia had a red kite. One day, Mia went to the park with her friend Ben. "
        + "Ben had a blue ball. They played all day, and then they went home. The end. Tell me a story about a fox. What colour was the kite?";

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-accuracy-").FullName;

    public static TheoryData<TensorType> Types => [.. BlockFormat.All.Select(format => format.Type).Where(type => type != TensorType.F32)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Types))]
    public void Logits_OfEveryFormat_AreNoWorseThanTwiceTheFormatItself(TensorType type)
    {
        float[] exact = Logits(Write("exact.gguf", null, decode: false));
        float[] plain = Logits(Write("plain.gguf", type, decode: true));
        float[] fast = Logits(Write("fast.gguf", type, decode: false));

        double plainDivergence = MeanDivergence(exact, plain), fastDivergence = MeanDivergence(exact, fast);

        output.WriteLine($"{type}: mean KL {fastDivergence:e2}, of the decoded weights in F32 {plainDivergence:e2}, ratio {fastDivergence / plainDivergence:0.00}");
        // Below 1e-7 the two F32 forwards differ as much by the order of their sums.
        Assert.InRange(fastDivergence, 0, 2 * plainDivergence + 1e-7);
    }

    /// <summary>The built-in model with its matrices in a type, or that type's values as singles; null leaves them whole.</summary>
    private string Write(string name, TensorType? type, bool decode)
    {
        string path = Path.Combine(_folder, name);
        using GgufFile source = GgufFile.Open(BuiltinModelFileTests.Served.FilePath);
        GgufTensorPlan[] plans = [.. source.Tensors.Select(tensor => new GgufTensorPlan(
            tensor.Name, type is { } stored && !decode && tensor.Shape.Count > 1 ? stored : TensorType.F32, [.. tensor.Shape]))];
        using GgufWriter writer = GgufWriter.Create(path, source.Metadata, plans);
        // The file's weights lie on the grid of Q8_0. The rounding that put them there is drawn again, else Q8_0 would be exact.
        var random = new Random(5);
        for (int i = 0; i < plans.Length; i++)
        {
            GgufTensor tensor = source.Tensors[i];
            var values = new float[tensor.Rows * tensor.Columns];
            BlockCodec.Decode(tensor.Type, source.View(tensor).AsSpan<byte>(), values);
            for (int block = 0; tensor.Type == TensorType.Q8_0 && block < values.Length; block += 32)
            {
                float step = values.AsSpan(block, 32).ToArray().Max(Math.Abs) / 127;
                for (int k = block; k < block + 32; k++)
                    values[k] += (float)(random.NextDouble() - 0.5) * step;
            }

            if (type is { } rounded && tensor.Shape.Count > 1 && decode)
            {
                var blocks = new byte[BlockFormat.Get(rounded).RowBytes(values.Length)];
                BlockCodec.Encode(rounded, values, blocks);
                BlockCodec.Decode(rounded, blocks, values);
            }

            var bytes = new byte[plans[i].Bytes];
            BlockCodec.Encode(plans[i].Type, values, bytes);
            writer.Write(i, 0, bytes);
        }

        writer.Complete();
        return path;
    }

    private static float[] Logits(string path)
    {
        using TransformerModel model = TransformerModel.Load(path);
        int[] tokens = model.Tokenizer.Encode(Text, addSpecial: false, parseSpecial: false).ToArray();
        int blocks = tokens.Length / ForwardBatch.BlockTokens + 1;
        using KvStorage kv = model.CreateKvStorage(blocks, KvType.F32);
        var batch = new ForwardBatch();
        batch.Add(tokens, 0, [.. Enumerable.Range(0, blocks)], LogitRows.All);
        var logits = new float[tokens.Length * model.Config.VocabularySize];
        model.Forward(batch, kv, logits);
        return logits;
    }

    private static double MeanDivergence(float[] exact, float[] other)
    {
        const int vocabulary = 2048;
        double sum = 0;
        for (int row = 0; row < exact.Length; row += vocabulary)
        {
            double[] p = LogSoftmax(exact.AsSpan(row, vocabulary)), q = LogSoftmax(other.AsSpan(row, vocabulary));
            sum += p.Zip(q, (logP, logQ) => Math.Exp(logP) * (logP - logQ)).Sum();
        }

        return sum / (exact.Length / vocabulary);
    }

    private static double[] LogSoftmax(ReadOnlySpan<float> logits)
    {
        double[] values = [.. logits.ToArray().Select(logit => (double)logit)];
        double max = values.Max();
        double log = Math.Log(values.Sum(value => Math.Exp(value - max))) + max;
        return [.. values.Select(value => value - log)];
    }
}
