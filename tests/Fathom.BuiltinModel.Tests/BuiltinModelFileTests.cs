using System.Text.Json.Nodes;
using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Tokenizer;
using Fathom.BuiltinModel.Training;
using Fathom.Kernels.Attention;
using Fathom.Models.ChatTemplates;
using Fathom.Models.Execution;
using Fathom.Models.Gguf;

namespace Fathom.BuiltinModel.Tests;

/// <summary>The model file in the tree, through the code that serves it.</summary>
public sealed class BuiltinModelFileTests : IClassFixture<BuiltinModelFileTests.Served>
{
    private static readonly TrainingPlan s_plan = new();
    private readonly Served _served;

    public BuiltinModelFileTests(Served served) => _served = served;

    [Fact]
    public void File_IsSmall() => Assert.InRange(new FileInfo(Served.FilePath).Length, 1, 8_000_000);

    [Fact]
    public void Config_IsTheTrainedShape()
    {
        var config = _served.Model.Config;
        Assert.Equal("Fathom Built-in", config.Name);
        Assert.Equal(
            (s_plan.Shape.Vocabulary, s_plan.Shape.Context, s_plan.Shape.Layers, s_plan.Shape.Hidden, s_plan.Shape.Heads, s_plan.Shape.KvHeads),
            (config.VocabularySize, config.ContextLength, config.Layers, config.HiddenSize, config.Heads, config.KvHeads));
    }

    [Fact]
    public void TokenizerAndTemplate_OfTheFile_GiveTheTrainersTokens()
    {
        ChatTemplate template = ChatTemplate.Parse(_served.Model.ChatTemplateSource!);
        var corpus = new CorpusGenerator(s_plan.HeldOutSeed);
        for (int i = 0; i < 200; i++)
        {
            Document document = corpus.Draw(i);
            (List<int> expected, _) = ChatFormat.Encode(document, _served.Vocabulary);
            string text = document.Text is not null
                ? document.Text + ChatFormat.TextEnd
                : template.Render(new ChatTemplateInput { Messages = Messages(document.Messages), AddGenerationPrompt = false });
            Assert.Equal(expected, _served.Model.Tokenizer.Encode(text, addSpecial: true, parseSpecial: true));
        }
    }

    [Fact]
    public void ServingForward_OnHeldOutDocuments_HasTheTrainersPerplexity()
    {
        IReadOnlyList<TokenBatch> batches = [.. Trainer.HeldOut(s_plan, _served.Vocabulary).Take(2)];
        using GgufFile file = GgufFile.Open(Served.FilePath);
        var network = new LlamaNetwork(s_plan.Shape, ModelFile.ReadWeights(file, s_plan.Shape), s_plan.BatchTokens, Environment.ProcessorCount);
        double trainer = Evaluation.Run(network, batches).Loss;

        double sum = 0;
        int count = 0;
        foreach (TokenBatch batch in batches)
        {
            for (int d = 0; d + 1 < batch.DocumentStarts.Length; d++)
            {
                int start = batch.DocumentStarts[d], length = batch.DocumentStarts[d + 1] - start;
                float[] logits = _served.Forward(batch.Tokens.AsSpan(start, length), 0, LogitRows.All);
                for (int t = 0; t + 1 < length; t++, count++)
                    sum += NegativeLogProbability(logits.AsSpan(t * s_plan.Shape.Vocabulary, s_plan.Shape.Vocabulary), batch.Targets[start + t]);
            }
        }

        // Serving rounds activations to 8 bits and keys and values to 16.
        Assert.InRange(Math.Exp(sum / count), Math.Exp(trainer) * 0.98, Math.Exp(trainer) * 1.02);
        Assert.InRange(Math.Exp(sum / count), 1.0, 1.7);
    }

    [Theory]
    [InlineData("Hello!", "Hello!")]
    [InlineData("Who are you?", "I am Fathom's built-in model")]
    [InlineData("What is the capital of Spain?", "I am sorry, I do not know that.")]
    [InlineData("Once upon a time, there was a little girl named Mia. Mia had a red kite.\n\nWhat colour was the kite?", "The kite was red.")]
    [InlineData("Ben is in the garden. Anna has a blue hat.\n\nWho has the hat?", "Anna has the hat.")]
    public void Generate_Greedy_Answers(string asked, string beginning) =>
        Assert.StartsWith(beginning, _served.Answer(asked, 60), StringComparison.Ordinal);

    [Fact]
    public void Generate_Story_IsWholeSentencesAndEnds()
    {
        string story = _served.Answer("Tell me a story about a fox.", 400);
        Assert.InRange(story.Length, 200, 2000);
        Assert.Contains(story[^1], ".!\"");
        Assert.True(char.IsUpper(story[0]));
    }

    private static JsonArray Messages(IReadOnlyList<ChatMessage> messages) =>
        [.. messages.Select(m => (JsonNode)new JsonObject { ["role"] = m.Role, ["content"] = m.Content })];

    private static double NegativeLogProbability(ReadOnlySpan<float> logits, int token)
    {
        double max = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            max = Math.Max(max, logit);
        foreach (float logit in logits)
            sum += Math.Exp(logit - max);
        return Math.Log(sum) + max - logits[token];
    }

    public sealed class Served : IDisposable
    {
        private readonly KvStorage _kv;
        private readonly ForwardBatch _batch = new();
        private readonly int[] _blocks;

        public Served()
        {
            Model = TransformerModel.Load(FilePath);
            int blocks = (Model.Config.ContextLength / ForwardBatch.BlockTokens) + 1;
            _kv = Model.CreateKvStorage(blocks, KvType.F16);
            _blocks = [.. Enumerable.Range(0, blocks)];
            Vocabulary = Trainer.TrainVocabulary(s_plan);
        }

        public static string FilePath
        {
            get
            {
                string? folder = AppContext.BaseDirectory;
                while (folder is not null && !File.Exists(Path.Combine(folder, "Fathom.slnx")))
                    folder = Path.GetDirectoryName(folder);
                return Path.Combine(folder ?? throw new DirectoryNotFoundException("no Fathom.slnx above the tests"), "models", "fathom-builtin.gguf");
            }
        }

        public TransformerModel Model { get; }

        internal BytePairVocabulary Vocabulary { get; }

        public float[] Forward(ReadOnlySpan<int> tokens, int position, LogitRows rows)
        {
            _batch.Clear();
            _batch.Add(tokens, position, _blocks, rows);
            var logits = new float[_batch.LogitRowCount * Model.Config.VocabularySize];
            Model.Forward(_batch, _kv, logits);
            return logits;
        }

        public string Answer(string asked, int tokensMax)
        {
            string prompt = ChatTemplate.Parse(Model.ChatTemplateSource!).Render(
                new ChatTemplateInput { Messages = Messages([new ChatMessage("user", asked)]), AddGenerationPrompt = true });
            List<int> tokens = [.. Model.Tokenizer.Encode(prompt, addSpecial: true, parseSpecial: true)];
            int begin = tokens.Count;
            float[] logits = Forward(tokens.ToArray(), 0, LogitRows.Last);
            while (tokens.Count - begin < tokensMax)
            {
                int next = Evaluation.Greedy(logits);
                if (Model.Tokenizer.IsEndOfGeneration(next))
                    return Model.Tokenizer.Decode(tokens.ToArray().AsSpan(begin), skipSpecial: true);
                tokens.Add(next);
                logits = Forward([next], tokens.Count - 1, LogitRows.Last);
            }

            return Model.Tokenizer.Decode(tokens.ToArray().AsSpan(begin), skipSpecial: true) + " (not ended)";
        }

        public void Dispose()
        {
            _kv.Dispose();
            Model.Dispose();
        }
    }
}
