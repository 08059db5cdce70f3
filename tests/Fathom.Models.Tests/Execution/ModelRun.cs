using Fathom.Kernels.Attention;
using Fathom.Models.Execution;

namespace Fathom.Models.Tests.Execution;

/// <summary>Runs sequences through a model in whatever cuts a test asks for.</summary>
internal static class ModelRun
{
    /// <summary>Logits of all tokens of one sequence, fed in chunks of the given sizes (the rest in one).</summary>
    public static float[][] All(TransformerModel model, int[] tokens, KvType type = KvType.F32, params int[] chunks)
    {
        int blocks = tokens.Length / ForwardBatch.BlockTokens + 1;
        using KvStorage kv = model.CreateKvStorage(blocks, type);
        int[] table = Enumerable.Range(0, blocks).Reverse().ToArray();
        var batch = new ForwardBatch();
        var rows = new List<float[]>();
        int done = 0;
        for (int chunk = 0; done < tokens.Length; chunk++)
        {
            int count = chunk < chunks.Length ? Math.Min(chunks[chunk], tokens.Length - done) : tokens.Length - done;
            batch.Clear();
            batch.Add(tokens.AsSpan(done, count), done, table, LogitRows.All);
            rows.AddRange(Forward(model, batch, kv));
            done += count;
        }

        return [.. rows];
    }

    public static float[][] Forward(TransformerModel model, ForwardBatch batch, KvStorage kv)
    {
        var logits = new float[batch.LogitRowCount * model.Config.VocabularySize];
        model.Forward(batch, kv, logits);
        return logits.Chunk(model.Config.VocabularySize).ToArray();
    }

    public static int[] Tokens(int count, int vocabulary, int seed)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, count).Select(_ => random.Next(vocabulary)).ToArray();
    }

    /// <summary>|a - b| / |b| over everything.</summary>
    public static double RelativeError(float[][] actual, double[][] expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0;
        double size = 0;
        for (int t = 0; t < expected.Length; t++)
        {
            for (int i = 0; i < expected[t].Length; i++)
            {
                difference += Math.Pow(actual[t][i] - expected[t][i], 2);
                size += Math.Pow(expected[t][i], 2);
            }
        }

        return Math.Sqrt(difference / size);
    }
}
