using System.Diagnostics;
using System.Globalization;
using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Tokenizer;

namespace Fathom.BuiltinModel.Training;

/// <summary>Runs a plan from the corpus to trained weights. Owns the network and the optimizer; one thread drives it.</summary>
/// <remarks>
/// With a record path, a checkpoint lies beside the record; a trainer that finds one goes on from there and ends with the same weights as
/// one that was never interrupted.
/// </remarks>
internal sealed class Trainer
{
    private const int LogEvery = 20;
    private const int HeldOutBatches = 8;
    private readonly TrainingPlan _plan;
    private readonly Action<string> _report;
    private readonly string? _recordPath;
    private readonly NetworkWeights _gradients;
    private readonly Optimizer _optimizer;
    private readonly IReadOnlyList<TokenBatch> _heldOut;
    private readonly BatchStream _stream;
    private int _step;

    /// <param name="plan">What to do.</param>
    /// <param name="threads">How many threads; the numbers do not depend on it.</param>
    /// <param name="recordPath">Where the loss curve is written, or null for neither record nor checkpoint.</param>
    /// <param name="report">Gets each line of the record.</param>
    public Trainer(TrainingPlan plan, int threads, string? recordPath, Action<string> report)
    {
        _plan = plan;
        _report = report;
        _recordPath = recordPath;
        Vocabulary = TrainVocabulary(plan);
        Weights = new NetworkWeights(plan.Shape);
        Weights.Initialise(plan.WeightSeed);
        _gradients = new NetworkWeights(plan.Shape);
        Network = new LlamaNetwork(plan.Shape, Weights, Math.Max(plan.BatchTokens, plan.Shape.Context), threads);
        _optimizer = new Optimizer(plan.Shape, Weights, threads);
        _heldOut = HeldOut(plan, Vocabulary);
        long nextDocument = 0;
        if (recordPath is not null && File.Exists(CheckpointPath(recordPath)))
            (_step, nextDocument) = Checkpoint.Read(CheckpointPath(recordPath), Weights, _optimizer.First, _optimizer.Second);
        if (recordPath is not null)
            LossCurve.Begin(recordPath, _step);
        _stream = new BatchStream(new CorpusGenerator(plan.CorpusSeed), Vocabulary, plan.BatchTokens, plan.Shape.Context, nextDocument);
    }

    public NetworkWeights Weights { get; }

    public BytePairVocabulary Vocabulary { get; }

    public LlamaNetwork Network { get; }

    /// <summary>The file that an interrupted run goes on from.</summary>
    public static string CheckpointPath(string recordPath) => recordPath + ".checkpoint";

    /// <summary>The tokenizer of a plan.</summary>
    public static BytePairVocabulary TrainVocabulary(TrainingPlan plan)
    {
        var corpus = new CorpusGenerator(plan.CorpusSeed);
        IEnumerable<string> texts = Enumerable.Range(0, plan.TokenizerDocuments).Select(i => corpus.Draw(CorpusGenerator.OpeningDocuments + i))
            .SelectMany(d => d.Text is not null ? [d.Text] : d.Messages.Select(m => m.Content));
        return BytePairTrainer.Train(texts, ChatFormat.Specials, plan.Shape.Vocabulary);
    }

    /// <summary>Batches of held-out documents: the same ones for every evaluation.</summary>
    public static IReadOnlyList<TokenBatch> HeldOut(TrainingPlan plan, BytePairVocabulary vocabulary)
    {
        var stream = new BatchStream(new CorpusGenerator(plan.HeldOutSeed), vocabulary, plan.BatchTokens, plan.Shape.Context, CorpusGenerator.OpeningDocuments);
        return [.. Enumerable.Range(0, HeldOutBatches).Select(_ => stream.Next())];
    }

    /// <summary>Trains up to the plan's last step.</summary>
    public void Run()
    {
        double loss = 0;
        int summed = 0;
        long tokens = 0, began = Stopwatch.GetTimestamp();
        while (_step < _plan.Steps)
        {
            TokenBatch batch = _stream.Next();
            loss += Network.Loss(batch);
            summed++;
            Network.Backward(batch, _gradients);
            _step++;
            double rate = _plan.LearningRate(_step);
            double norm = _optimizer.Step(_gradients, _step, rate);
            tokens += batch.Tokens.Length;
            bool evaluates = _step % _plan.EvaluateEverySteps == 0 || _step == _plan.Steps;
            if (_step % LogEvery != 0 && !evaluates)
                continue;

            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            string line = string.Create(CultureInfo.InvariantCulture, $"{_step},{loss / summed:F4},{norm:F3},{rate:E2},{tokens / seconds:F0}");
            Record(evaluates ? line + Evaluated() : line);
            (loss, summed, tokens, began) = (0, 0, 0, Stopwatch.GetTimestamp());
        }
    }

    public Evaluation Evaluate() => Evaluation.Run(Network, _heldOut);

    /// <summary>Greedy answer to a conversation.</summary>
    public string Answer(IReadOnlyList<ChatMessage> messages, int tokensMax)
    {
        (List<int> tokens, _) = ChatFormat.Encode(Document.Chat(messages), Vocabulary);
        tokens.Add(Vocabulary.Special(ChatFormat.MessageStart));
        Vocabulary.Encode("assistant\n", tokens);
        int prompt = tokens.Count;
        while (tokens.Count - prompt < tokensMax && tokens.Count < _plan.Shape.Context)
        {
            Network.Forward(tokens.ToArray(), [0, tokens.Count]);
            int next = Evaluation.Greedy(Network.Logits.Row(tokens.Count - 1));
            if (Vocabulary.IsSpecial(next))
                break;
            tokens.Add(next);
        }

        return Vocabulary.Decode(tokens.Skip(prompt));
    }

    private string Evaluated()
    {
        Evaluation e = Evaluate();
        if (_recordPath is not null)
            Checkpoint.Write(CheckpointPath(_recordPath), _step, _stream.NextDocument, Weights, _optimizer.First, _optimizer.Second);
        return string.Create(CultureInfo.InvariantCulture, $",{e.Loss:F4},{e.AnswerLoss:F4},{e.ShareRight:F3}");
    }

    private void Record(string line)
    {
        if (_recordPath is not null)
            File.AppendAllText(_recordPath, line + "\n");
        _report(line);
    }
}
