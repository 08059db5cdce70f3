using Fathom.Kernels.Attention;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.Execution;

/// <summary>A sequence's logits have the same bits whatever surrounds it and however it is cut.</summary>
public sealed class BatchInvarianceTests : IDisposable
{
    private const int Blocks = 64;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", TensorType.F32, KvType.F32)]
    [InlineData("llama", TensorType.Q8_0, KvType.F16)]
    [InlineData("llama", TensorType.Q4_K, KvType.Q8_0)]
    [InlineData("qwen2", TensorType.Q4_0, KvType.F16)]
    [InlineData("gpt2", TensorType.F16, KvType.F32)]
    [InlineData("phi3", TensorType.BF16, KvType.F16)]
    [InlineData("gemma2", TensorType.F32, KvType.F16)]
    [InlineData("gemma3", TensorType.Q6_K, KvType.F16)]
    public void Forward_AloneMixedOrChunked_GivesTheSameBits(string name, TensorType type, KvType kvType)
    {
        var reference = new ReferenceModel(ReferenceShape.All[name].Wide() with { Layers = 2 }, seed: 21);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"), type);
        using TransformerModel model = Load(threads: 2);
        int vocabulary = reference.Shape.Vocabulary;
        int[] tokens = ModelRun.Tokens(70, vocabulary, seed: 1);
        float[][] alone = ModelRun.All(model, tokens, kvType);

        Assert.Equal(alone, ModelRun.All(model, tokens, kvType, 1, 1, 5, 16, 31, 2));
        Assert.Equal(alone, ModelRun.All(model, tokens, kvType, [.. Enumerable.Repeat(1, 70)]));
        Assert.Equal(alone, Mixed(model, tokens, kvType, seed: 2));
        using TransformerModel single = Load(threads: 1);
        Assert.Equal(alone, ModelRun.All(single, tokens, kvType));
    }

    [Fact]
    public void Forward_LastRowsOnly_GivesTheBitsOfAllRows()
    {
        var reference = new ReferenceModel(ReferenceShape.All["qwen3"], seed: 22);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"));
        using TransformerModel model = Load(threads: 2);
        int[] tokens = ModelRun.Tokens(33, reference.Shape.Vocabulary, seed: 1);
        float[][] all = ModelRun.All(model, tokens);
        using KvStorage kv = model.CreateKvStorage(Blocks, KvType.F32);
        var batch = new ForwardBatch();
        batch.Add(tokens.AsSpan(0, 20), 0, [3, 4], LogitRows.None);
        batch.Add(tokens, 0, [5, 6, 7], LogitRows.Last);
        batch.Add(tokens.AsSpan(0, 9), 0, [8], LogitRows.All);
        float[][] rows = ModelRun.Forward(model, batch, kv);
        Assert.Equal([all[^1], .. all[..9]], rows);

        batch.Clear();
        batch.Add(tokens.AsSpan(20), 20, [3, 4, 9], LogitRows.Last);
        Assert.Equal([all[^1]], ModelRun.Forward(model, batch, kv));

        batch.Clear();
        batch.Add(tokens, 0, [10, 11, 12], LogitRows.None);
        Assert.Empty(ModelRun.Forward(model, batch, kv));
    }

    [Fact]
    public void Forward_CopiedBlocks_ContinueAsTheOriginal()
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"], seed: 23);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"));
        using TransformerModel model = Load(threads: 2);
        int[] tokens = ModelRun.Tokens(30, reference.Shape.Vocabulary, seed: 1);
        float[][] all = ModelRun.All(model, tokens);
        using KvStorage kv = model.CreateKvStorage(8, KvType.F32);
        var batch = new ForwardBatch();
        batch.Add(tokens.AsSpan(0, 20), 0, [0, 1], LogitRows.None);
        ModelRun.Forward(model, batch, kv);
        kv.CopyBlock(1, 5);
        batch.Clear();
        batch.Add(tokens.AsSpan(20), 20, [0, 5], LogitRows.All);
        Assert.Equal(all[20..], ModelRun.Forward(model, batch, kv));
    }

    [Fact]
    public void Forward_WarmedUp_AllocatesNothing()
    {
        var reference = new ReferenceModel(ReferenceShape.All["gemma3"].Wide() with { Layers = 2 }, seed: 24);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"), TensorType.Q8_0);
        using TransformerModel model = Load(threads: 2);
        using KvStorage kv = model.CreateKvStorage(8, KvType.F16);
        int[] tokens = ModelRun.Tokens(20, reference.Shape.Vocabulary, seed: 1);
        var batch = new ForwardBatch();
        var logits = new float[2 * reference.Shape.Vocabulary];
        Assert.Equal(0, Allocations.OfWarm(Step, rounds: 20));

        void Step()
        {
            batch.Clear();
            batch.Add(tokens, 0, [0, 1], LogitRows.Last);
            batch.Add(tokens.AsSpan(0, 1), 17, [2, 3], LogitRows.Last);
            model.Forward(batch, kv, logits);
        }
    }

    [Fact]
    public void Forward_WrongArguments_ThrowAndChangeNothing()
    {
        var reference = new ReferenceModel(ReferenceShape.All["gpt2"], seed: 25);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"));
        using TransformerModel model = Load(threads: 1);
        using KvStorage kv = model.CreateKvStorage(8, KvType.F32);
        var logits = new float[reference.Shape.Vocabulary];
        var batch = new ForwardBatch();
        Expect("outside the vocabulary", () => batch.Add([reference.Shape.Vocabulary], 0, [0], LogitRows.Last));
        Expect("outside the vocabulary", () => batch.Add([-1], 0, [0], LogitRows.Last));
        Expect("outside the storage", () => batch.Add([1], 0, [8], LogitRows.Last));
        Expect("learned", () => batch.Add([1], 256, Enumerable.Repeat(0, 17).ToArray(), LogitRows.Last));
        Expect("logits hold", () => batch.Add([1], 0, [0], LogitRows.None));
        Assert.Throws<ArgumentException>(() => batch.Add([], 0, [0], LogitRows.Last));
        Assert.Throws<ArgumentException>(() => batch.Add([1], 16, [0], LogitRows.Last));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add([1], -1, [0], LogitRows.Last));

        void Expect(string message, Action add)
        {
            batch.Clear();
            add();
            Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(() => model.Forward(batch, kv, logits)).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>The sequence's logits when it runs in random cuts among four others that come and go.</summary>
    private static float[][] Mixed(TransformerModel model, int[] tokens, KvType type, int seed)
    {
        var random = new Random(seed);
        using KvStorage kv = model.CreateKvStorage(Blocks, type);
        int[] free = Enumerable.Range(0, Blocks).ToArray();
        random.Shuffle(free);
        int[][] tables = free.Chunk(8).ToArray();
        var others = new int[4];
        var batch = new ForwardBatch();
        var rows = new List<float[]>();
        int done = 0;
        while (done < tokens.Length)
        {
            batch.Clear();
            int place = random.Next(others.Length + 1);
            int count = Math.Min(random.Next(1, 20), tokens.Length - done);
            int start = 0;
            for (int i = 0; i <= others.Length; i++)
            {
                if (i == place)
                    start = batch.Add(tokens.AsSpan(done, count), done, tables[7], LogitRows.All);
                if (i < others.Length)
                    others[i] = AddOther(i);
            }

            rows.AddRange(ModelRun.Forward(model, batch, kv)[start..(start + count)]);
            done += count;
        }

        return [.. rows];

        int AddOther(int i)
        {
            int first = others[i] > 90 ? 0 : others[i];
            int[] more = ModelRun.Tokens(random.Next(1, 24), model.Config.VocabularySize, seed: first);
            batch.Add(more, first, tables[i], (LogitRows)random.Next(3));
            return first + more.Length;
        }
    }

    private TransformerModel Load(int threads) => TransformerModel.Load(_folder.File("m.gguf"), new ModelLoadOptions { Threads = threads });
}
