using Fathom.Kernels.Attention;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Gguf;
using Fathom.Models.Quantization;
using Fathom.Models.Tests.Execution;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.Quantization;

public sealed class ModelQuantizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Shapes => [.. ReferenceShape.All.Keys];

    public void Dispose() => _folder.Dispose();

    /// <summary>The loss a format may cause on a small random model, whose weights have no structure to hold on to.</summary>
    [Theory]
    [InlineData("f16", 2e-3)]
    [InlineData("q8_0", 3e-2)]
    [InlineData("q6_k", 8e-2)]
    [InlineData("q4_k_m", 0.3)]
    [InlineData("q4_k", 0.3)]
    [InlineData("q4_0", 0.3)]
    public void Quantize_GgufToEveryFormat_StaysNearTheReference(string format, double errorMax)
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"].Wide(), seed: 3);
        ReferenceGguf.Write(reference, _folder.File("in.gguf"));
        ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find(format)!, threads: 2);
        Assert.InRange(Error(reference, "out.gguf"), 1e-7, errorMax);
        Assert.True(new FileInfo(_folder.File("out.gguf")).Length < new FileInfo(_folder.File("in.gguf")).Length * 0.55);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Quantize_HuggingFaceFolderToF16_KeepsEveryArchitecture(string name)
    {
        var reference = new ReferenceModel(ReferenceShape.All[name], seed: 3);
        ReferenceHuggingFace.Write(reference, _folder.File("hf"));
        ModelQuantizer.Quantize(_folder.File("hf"), _folder.File("out.gguf"), WeightFormat.Find("f16")!, threads: 2);
        Assert.InRange(Error(reference, "out.gguf"), 1e-7, 5e-3);
    }

    [Fact]
    public void Quantize_RowsThatFitNoBlock_FallBackToF16()
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"] with { Hidden = 36, HeadSize = 10, Inner = 96 }, seed: 3);
        ReferenceGguf.Write(reference, _folder.File("in.gguf"));
        ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find("q4_k")!, threads: 1);
        using GgufFile file = GgufFile.Open(_folder.File("out.gguf"));
        Assert.Equal(TensorType.F16, TypeOf(file, "blk.0.attn_q.weight"));
        Assert.Equal(TensorType.Q5_0, TypeOf(file, "blk.0.ffn_down.weight"));
        Assert.Equal(TensorType.F32, TypeOf(file, "blk.0.attn_norm.weight"));
    }

    [Fact]
    public void Quantize_Q4KM_MixesTypesAsLlamaCpp()
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"] with { Hidden = 256, HeadSize = 64, Inner = 256, Layers = 16 }, seed: 3);
        ReferenceGguf.Write(reference, _folder.File("in.gguf"));
        ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find("q4_k_m")!, threads: 2);
        using GgufFile file = GgufFile.Open(_folder.File("out.gguf"));
        // First and last eighth (two layers each), and every third from the fifth on.
        int[] more = [0, 1, 4, 7, 10, 13, 14, 15];
        for (int layer = 0; layer < 16; layer++)
        {
            TensorType expected = more.Contains(layer) ? TensorType.Q6_K : TensorType.Q4_K;
            Assert.Equal(expected, TypeOf(file, $"blk.{layer}.attn_v.weight"));
            Assert.Equal(expected, TypeOf(file, $"blk.{layer}.ffn_down.weight"));
            Assert.Equal(TensorType.Q4_K, TypeOf(file, $"blk.{layer}.attn_q.weight"));
            Assert.Equal(TensorType.Q4_K, TypeOf(file, $"blk.{layer}.ffn_up.weight"));
        }

        Assert.Equal(TensorType.Q6_K, TypeOf(file, "output.weight"));
        Assert.Equal(TensorType.Q4_K, TypeOf(file, "token_embd.weight"));
    }

    [Fact]
    public void Quantize_QuantisedInput_IsRefused()
    {
        ReferenceGguf.Write(new ReferenceModel(ReferenceShape.All["llama"].Wide(), seed: 3), _folder.File("in.gguf"), TensorType.Q8_0);
        var error = Assert.Throws<UnsupportedModelException>(() =>
            ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find("q4_0")!, threads: 1));
        Assert.Contains("Q8_0", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("out.gguf")));
    }

    private static TensorType TypeOf(GgufFile file, string name) => file.Tensors.Single(tensor => tensor.Name == name).Type;

    private double Error(ReferenceModel reference, string file)
    {
        using TransformerModel model = TransformerModel.Load(_folder.File(file), new ModelLoadOptions { Threads = 2 });
        int[] tokens = ModelRun.Tokens(20, reference.Shape.Vocabulary, seed: 3);
        return ModelRun.RelativeError(ModelRun.All(model, tokens, KvType.F32), reference.Logits(tokens));
    }
}
