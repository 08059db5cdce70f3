using Fathom.Kernels.Attention;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.Execution;

public sealed class TransformerModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Shapes => [.. ReferenceShape.All.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_GgufF32_AgreesWithReference(string name)
    {
        var reference = new ReferenceModel(ReferenceShape.All[name], seed: 7);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"));
        using TransformerModel model = Load("m.gguf");
        int[] tokens = ModelRun.Tokens(40, reference.Shape.Vocabulary, seed: 3);
        double error = ModelRun.RelativeError(ModelRun.All(model, tokens), reference.Logits(tokens));
        Assert.True(error < 1e-5, $"{name}: {error:e2}");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_HuggingFaceFolder_GivesTheBitsOfTheGguf(string name)
    {
        var reference = new ReferenceModel(ReferenceShape.All[name], seed: 11);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"));
        ReferenceHuggingFace.Write(reference, _folder.File("hf"), shards: name.Length % 2 + 1);
        int[] tokens = ModelRun.Tokens(40, reference.Shape.Vocabulary, seed: 4);
        using TransformerModel gguf = Load("m.gguf");
        using TransformerModel folder = Load("hf");
        float[][] expected = ModelRun.All(gguf, tokens);
        float[][] actual = ModelRun.All(folder, tokens);
        double error = ModelRun.RelativeError(actual, reference.Logits(tokens));
        Assert.True(error < 1e-5, $"{name}: {error:e2}");
        // YaRN's factor passes through a division and a multiplication on its way through GGUF.
        if (reference.Shape.RopeType is not ("llama3" or "yarn" or "longrope"))
            Assert.Equal(expected, actual);
        else
            Assert.True(ModelRun.RelativeError(actual, expected.Select(row => row.Select(v => (double)v).ToArray()).ToArray()) < 1e-6);
    }

    [Theory]
    [InlineData("llama", TensorType.F16)]
    [InlineData("llama", TensorType.BF16)]
    [InlineData("llama", TensorType.Q8_0)]
    [InlineData("llama", TensorType.Q4_0)]
    [InlineData("llama", TensorType.Q4_K)]
    [InlineData("llama", TensorType.Q6_K)]
    [InlineData("llama", TensorType.Q5_K)]
    [InlineData("llama", TensorType.Q4_1)]
    [InlineData("llama", TensorType.IQ4_NL)]
    [InlineData("qwen2", TensorType.Q8_0)]
    [InlineData("qwen3", TensorType.Q4_K)]
    [InlineData("gpt2", TensorType.Q8_0)]
    [InlineData("phi3", TensorType.Q8_0)]
    [InlineData("phi3", TensorType.Q4_K)]
    [InlineData("gemma2", TensorType.Q6_K)]
    [InlineData("gemma3", TensorType.Q8_0)]
    public void Forward_QuantisedWeights_AgreesWithReference(string name, TensorType type)
    {
        var reference = new ReferenceModel(ReferenceShape.All[name].Wide(), seed: 5);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"), type);
        using TransformerModel model = Load("m.gguf");
        int[] tokens = ModelRun.Tokens(20, reference.Shape.Vocabulary, seed: 3);
        double error = ModelRun.RelativeError(ModelRun.All(model, tokens, KvType.F16), reference.Logits(tokens));
        Assert.True(error < 2e-2, $"{name} {type}: {error:e2}");
    }

    [Fact]
    public void Forward_LongRopeWithinOriginalContext_UsesTheShortFactors()
    {
        ReferenceShape shape = ReferenceShape.All["phi3-longrope"];
        var reference = new ReferenceModel(shape with { LongFactors = shape.ShortFactors }, seed: 7);
        ReferenceGguf.Write(new ReferenceModel(shape, seed: 7), _folder.File("m.gguf"));
        using TransformerModel model = TransformerModel.Load(_folder.File("m.gguf"), new ModelLoadOptions { Threads = 2, ContextLength = 64 });
        int[] tokens = ModelRun.Tokens(40, shape.Vocabulary, seed: 3);
        Assert.True(ModelRun.RelativeError(ModelRun.All(model, tokens), reference.Logits(tokens)) < 1e-5);
    }

    private TransformerModel Load(string name) => TransformerModel.Load(_folder.File(name), new ModelLoadOptions { Threads = 2 });
}
