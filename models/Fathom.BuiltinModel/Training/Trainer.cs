using System.Diagnostics;
using System.Globalization;
using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Tokenizer;

namespace Fathom.BuiltinModel.Training;

/// <summary>Runs a plan from the corpus to trained weights. Owns the network and the optimizer; one thread drives it.</summary>
internal sealed class Trainer
{
    private const int EvaluateEvery = 200;
    private const int LogEvery = 20;
    private const int HeldOutBatches = 8;
    private readonly TrainingPlan _plan;
    private readonly TextWriter _log;
    private readonly string? _checkpointPath;
    private readonly NetworkWeights _gradients;
    private readonly AdamW _optimizer;
    private readonly IReadOnlyList<TokenBatch> _heldOut;
    private readonly BatchStream _stream;
    private int _step;

    public Trainer(TrainingPlan plan, int threads, string? checkpointPath, TextWriter log)
    {
        _plan = plan;
        _log = log;
        _checkpointPath = checkpointPath;
        var corpus = new CorpusGenerator(plan.CorpusSeed);
        Vocabulary = BytePairTrainer.Train(
            Enumerable.Range(0, plan.TokenizerDocuments).Select(i => corpus.Draw(i)).SelectMany(Texts), ChatFormat.Specials, plan.Vocabulary);
        Shape = new NetworkShape { Vocabulary = plan.Vocabulary };
        Weights = new NetworkWeights(Shape);
        Weights.Initialise(plan.WeightSeed);
        _gradients = new NetworkWeights(Shape);
        Network = new LlamaNetwork(Shape, Weights, plan.BatchTokens, threads);
        _optimizer = new AdamW(Shape, Weights, threads);
        _heldOut = HeldOut(plan, Vocabulary, Shape);
        _stream = Stream(0);
        if (checkpointPath is not null && File.Exists(checkpointPath))
        {
            (_step, long nextDocument) = Checkpoint.Read(checkpointPath, Weights, _optimizer.First, _optimizer.Second);
            _stream = Stream(nextDocument);
            _log.WriteLine($"# continued from step {_step}");
        }
    }

    public NetworkShape Shape { get; }

    public NetworkWeights Weights { get; }

    public BytePairVocabulary Vocabulary { get; }

    public LlamaNetwork Network { get; }

    /// <summary>Batches of held-out documents: the same ones for every evaluation.</summary>
    public static IReadOnlyList<TokenBatch> HeldOut(TrainingPlan plan, BytePairVocabulary vocabulary, NetworkShape shape)
    {
        var stream = new BatchStream(new CorpusGenerator(plan.HeldOutSeed), vocabulary, plan.BatchTokens, shape.Context, 0);
        return [.. Enumerable.Range(0, HeldOutBatches).Select(_ => stream.Next())];
    }

    /// <summary>Trains up to the plan's last step and returns the last evaluation.</summary>
    public Evaluation Run()
    {
        _log.WriteLine("step,loss,norm,learning_rate,tokens_per_s,held_out_loss,answer_loss,answers_right");
        double loss = 0;
        long tokens = 0, began = Stopwatch.GetTimestamp();
        while (_step < _plan.Steps)
        {
            TokenBatch batch = _stream.Next();
            loss += Network.Loss(batch);
            Network.Backward(batch, _gradients);
            _step++;
            double rate = _plan.LearningRate(_step);
            double norm = _optimizer.Step(_gradients, _step, rate);
            tokens += batch.Tokens.Length;
            bool evaluates = _step % EvaluateEvery == 0 || _step == _plan.Steps;
            if (_step % LogEvery == 0 || evaluates)
            {
                double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
                string line = string.Create(
                    CultureInfo.InvariantCulture, $"{_step},{loss / (((_step - 1) % LogEvery) + 1):F4},{norm:F3},{rate:E2},{tokens / seconds:F0}");
                if (evaluates)
                {
                    Evaluation e = Evaluation.Run(Network, _heldOut);
                    line += string.Create(CultureInfo.InvariantCulture, $",{e.Loss:F4},{e.AnswerLoss:F4},{e.ShareRight:F3}");
                    if (_checkpointPath is not null)
                        Checkpoint.Write(_checkpointPath, _step, _stream.NextDocument, Weights, _optimizer.First, _optimizer.Second);
                }

                _log.WriteLine(line);
                _log.Flush();
                loss = 0;
                tokens = 0;
                began = Stopwatch.GetTimestamp();
            }
        }

        return Evaluation.Run(Network, _heldOut);
    }

    /// <summary>Greedy continuation of a conversation.</summary>
    public string Answer(IReadOnlyList<ChatMessage> messages, int tokensMax)
    {
        (List<int> tokens, _) = ChatFormat.Encode(Document.Chat(messages), Vocabulary);
        tokens.Add(Vocabulary.Special(ChatFormat.MessageStart));
        Vocabulary.Encode("assistant\n", tokens);
        return Continue(tokens, tokensMax);
    }

    /// <summary>Greedy continuation of tokens, until an end token.</summary>
    public string Continue(List<int> tokens, int tokensMax)
    {
        int prompt = tokens.Count;
        while (tokens.Count - prompt < tokensMax && tokens.Count < Shape.Context)
        {
            Network.Forward([.. tokens], [0, tokens.Count]);
            int next = Evaluation.Greedy(Network.Logits.Row(tokens.Count - 1));
            if (Vocabulary.IsSpecial(next))
                break;
            tokens.Add(next);
        }

        return Vocabulary.Decode(tokens.Skip(prompt));
    }

    private BatchStream Stream(long nextDocument) =>
        new(new CorpusGenerator(_plan.CorpusSeed), Vocabulary, _plan.BatchTokens, Shape.Context, nextDocument);

    private static IEnumerable<string> Texts(Document document) =>
        document.Text is not null ? [document.Text] : document.Messages.Select(m => m.Content);
}
