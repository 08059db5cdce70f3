using Fathom.BuiltinModel.Training;
using Fathom.Models.Gguf;

namespace Fathom.BuiltinModel.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private static readonly TrainingPlan s_plan = new()
    {
        Shape = new NetworkShape { Vocabulary = 512, Layers = 1, Hidden = 32, FeedForward = 32, Heads = 2, KvHeads = 1 },
        TokenizerDocuments = 100,
        Steps = 6,
        WarmupSteps = 2,
        DecaySteps = 3,
        EvaluateEverySteps = 3,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-trainer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Run_Interrupted_EndsWithTheSameWeights()
    {
        var whole = new Trainer(s_plan, 2, null, _ => { });
        whole.Run();

        // The first part stops at the checkpoint of step 3, still on the same schedule, as a run that was killed there.
        string record = Path.Combine(_folder, "run.csv");
        var stopped = new Trainer(s_plan, 1, record, line => Stop.At(line, "3,"));
        Assert.Throws<Stop>(stopped.Run);
        var lines = new List<string>();
        var continued = new Trainer(s_plan, 2, record, lines.Add);
        continued.Run();

        Assert.True(continued.Weights.Flat.Span.SequenceEqual(whole.Weights.Flat.Span));
        Assert.Equal(["6,"], lines.Select(l => l[..2]));
        Assert.Equal(3, File.ReadAllLines(record).Length);
        Assert.StartsWith("<svg", LossCurve.Draw(File.ReadAllLines(record)), StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoint_OfAnotherNetwork_IsRefused()
    {
        string path = Path.Combine(_folder, "other.checkpoint");
        Checkpoint.Write(path, 1, 2, new NetworkWeights(s_plan.Shape));
        Assert.Throws<InvalidDataException>(() => Checkpoint.Read(path, new NetworkWeights(s_plan.Shape with { Layers = 2 })));
    }

    [Fact]
    public void ModelFile_ReadBack_HoldsTheQuantisedWeights()
    {
        var trainer = new Trainer(s_plan, 1, null, _ => { });
        string path = Path.Combine(_folder, "small.gguf");
        ModelFile.Write(path, s_plan.Shape, trainer.Weights, trainer.Vocabulary);
        ModelFile.Quantise(trainer.Weights);

        using GgufFile file = GgufFile.Open(path);
        Assert.Equal("llama", file.Metadata.GetString("general.architecture"));
        Assert.Equal(512, file.Metadata.GetStrings("tokenizer.ggml.tokens").Length);
        Assert.True(ModelFile.ReadWeights(file, s_plan.Shape).Flat.Span.SequenceEqual(trainer.Weights.Flat.Span));
        Assert.Throws<InvalidDataException>(() => ModelFile.ReadWeights(file, s_plan.Shape with { Layers = 2 }));
    }

    private sealed class Stop : Exception
    {
        public static void At(string line, string prefix)
        {
            if (line.StartsWith(prefix, StringComparison.Ordinal))
                throw new Stop();
        }
    }
}
