using Fathom.Kernels.Attention;
using Fathom.Models.Architectures;
using Fathom.Models.Execution;
using Fathom.Models.Gguf;
using Fathom.Models.Quantization;
using Fathom.Models.Synthesis;
using Fathom.Models.Tests.Execution;

namespace Fathom.Models.Tests.Synthesis;

public sealed class ModelSynthesizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Formats => [.. WeightFormat.All.Select(format => format.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Synthesize_Tiny_LoadsAndKeepsActivationsSane(string format)
    {
        Make("tiny", format, seed: 1, threads: 2, "a.gguf");
        using TransformerModel model = TransformerModel.Load(_folder.File("a.gguf"), new ModelLoadOptions { Threads = 2 });
        Assert.Equal(1024, model.Tokenizer.VocabularySize);
        int[] tokens = model.Tokenizer.Encode("The quick brown fox, 42 times: grüße 🌍!\n", addSpecial: true, parseSpecial: false);
        Assert.Equal(1, tokens[0]);
        Assert.Equal("The quick brown fox, 42 times: grüße 🌍!\n", model.Tokenizer.Decode(tokens, skipSpecial: true));
        float[] logits = ModelRun.All(model, tokens, KvType.F16).SelectMany(row => row).ToArray();
        double deviation = Math.Sqrt(logits.Average(v => (double)v * v));
        Assert.InRange(deviation, 0.5, 8);
        Assert.InRange(Math.Abs(logits.Average()), 0, deviation / 4);
        Assert.NotNull(model.ChatTemplateSource);
    }

    [Fact]
    public void Synthesize_SameSeed_GivesTheSameBytesWhateverTheThreads()
    {
        Make("tiny", "q4_k_m", seed: 5, threads: 1, "a.gguf");
        Make("tiny", "q4_k_m", seed: 5, threads: 3, "b.gguf");
        Make("tiny", "q4_k_m", seed: 6, threads: 1, "c.gguf");
        byte[] a = File.ReadAllBytes(_folder.File("a.gguf"));
        Assert.Equal(a, File.ReadAllBytes(_folder.File("b.gguf")));
        Assert.NotEqual(a, File.ReadAllBytes(_folder.File("c.gguf")));
    }

    [Fact]
    public void Shapes_RowLengths_FitBlocksOf256()
    {
        foreach (ModelShape shape in ModelShape.All)
            Assert.All(TensorLayout.List(shape.Config).Where(spec => !spec.IsVector), spec => Assert.Equal(0, spec.Columns % 256));
    }

    [Fact]
    public void Synthesize_Cancelled_LeavesNothing()
    {
        using var cancelled = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => ModelSynthesizer.Synthesize(
            _folder.File("a.gguf"), ModelShape.Find("tiny")!, WeightFormat.Find("f16")!, 1, 1, _ => cancelled.Cancel(), cancelled.Token));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Synthesize_Progress_RisesToOne()
    {
        var seen = new List<double>();
        ModelSynthesizer.Synthesize(_folder.File("a.gguf"), ModelShape.Find("tiny")!, WeightFormat.Find("q8_0")!, 1, 1, seen.Add);
        Assert.Equal(0, seen[0]);
        Assert.Equal(1, seen[^1]);
        Assert.Equal(seen.Order(), seen);
        using GgufFile file = GgufFile.Open(_folder.File("a.gguf"));
        Assert.Equal(7, file.Metadata.GetInt32("general.file_type"));
    }

    private void Make(string shape, string format, ulong seed, int threads, string name) =>
        ModelSynthesizer.Synthesize(_folder.File(name), ModelShape.Find(shape)!, WeightFormat.Find(format)!, seed, threads);
}
