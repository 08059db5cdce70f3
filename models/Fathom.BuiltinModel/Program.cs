using System.Diagnostics;
using System.Globalization;
using Fathom.BuiltinModel;
using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Training;

const string Usage = """
    usage: train  [--out models/fathom-builtin.gguf] [--threads N] [--steps N] [--decay N]
           corpus [--seed N] [--count N]
    """;

try
{
    CommandLine line = CommandLine.Parse(args, "--out", "--threads", "--steps", "--decay", "--seed", "--count");
    switch (line.Command)
    {
        case "train":
            Train(line);
            return 0;
        case "corpus":
            Print(line);
            return 0;
        default:
            throw new FormatException($"{line.Command}: no such command");
    }
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n{Usage}");
    return 2;
}

static void Train(CommandLine line)
{
    string output = line.Text("--out", "models/fathom-builtin.gguf");
    string record = Path.ChangeExtension(output, ".csv");
    var plan = new TrainingPlan();
    plan = plan with { Steps = line.Positive("--steps", plan.Steps), DecaySteps = line.Positive("--decay", plan.DecaySteps) };
    long began = Stopwatch.GetTimestamp();
    var trainer = new Trainer(plan, line.Positive("--threads", Environment.ProcessorCount), record, Console.WriteLine);
    trainer.Run();
    Report("f32 ", trainer.Evaluate());
    ModelFile.Write(output, plan.Shape, trainer.Weights, trainer.Vocabulary);
    File.WriteAllText(Path.ChangeExtension(output, ".svg"), LossCurve.Draw(File.ReadAllLines(record)));
    ModelFile.Quantise(trainer.Weights);
    Report("Q8_0", trainer.Evaluate());
    foreach (string asked in Samples.Questions)
        Console.WriteLine($"> {asked}\n{trainer.Answer([new ChatMessage("user", asked)], 300)}\n");
    using var process = Process.GetCurrentProcess();
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{output}: {new FileInfo(output).Length} bytes, {trainer.Weights.Flat.Count} parameters, {Stopwatch.GetElapsedTime(began).TotalMinutes:F1} min, {process.TotalProcessorTime.TotalMinutes:F1} min of processor time"));
    File.Delete(Trainer.CheckpointPath(record));
}

static void Report(string weights, Evaluation e) => Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"# {weights} held-out perplexity {e.Perplexity:F3}, of answers {e.AnswerPerplexity:F3}, right to the token {e.Right} of {e.Answers}"));

static void Print(CommandLine line)
{
    var corpus = new CorpusGenerator((ulong)line.Positive("--seed", 1));
    for (int i = 0; i < line.Positive("--count", 10); i++)
    {
        Document document = corpus.Draw(i);
        Console.WriteLine(document.Text ?? string.Join('\n', document.Messages.Select(m => $"[{m.Role}] {m.Content}")));
        Console.WriteLine("----");
    }
}
