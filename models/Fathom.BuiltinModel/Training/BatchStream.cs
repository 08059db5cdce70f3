using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Tokenizer;

namespace Fathom.BuiltinModel.Training;

/// <summary>Draws documents in order and packs as many whole ones into each batch as fit.</summary>
/// <param name="generator">Where documents come from.</param>
/// <param name="vocabulary">Encodes them.</param>
/// <param name="tokensMax">Most tokens in a batch.</param>
/// <param name="context">Longest document; a longer one is cut.</param>
/// <param name="nextDocument">Index of the first document, from a checkpoint.</param>
internal sealed class BatchStream(CorpusGenerator generator, BytePairVocabulary vocabulary, int tokensMax, int context, long nextDocument)
{
    // Answers are a third of the tokens and what the model is for; the rest is mostly stories, which it also has to write.
    private const float AnswerWeight = 2f;

    /// <summary>Index of the document that begins the next batch.</summary>
    public long NextDocument { get; private set; } = nextDocument;

    public TokenBatch Next()
    {
        var tokens = new List<int>();
        var answers = new List<bool>();
        var starts = new List<int>();
        while (true)
        {
            (List<int> document, List<bool> isAnswer) = ChatFormat.Encode(generator.Draw(NextDocument), vocabulary);
            int length = Math.Min(context, document.Count);
            if (tokens.Count + length > tokensMax)
                break;
            NextDocument++;
            starts.Add(tokens.Count);
            tokens.AddRange(document.Take(length));
            answers.AddRange(isAnswer.Take(length));
        }

        starts.Add(tokens.Count);
        return Assemble(tokens, answers, starts);
    }

    private static TokenBatch Assemble(List<int> tokens, List<bool> answers, List<int> starts)
    {
        int count = tokens.Count;
        var targets = new int[count];
        var weights = new float[count];
        var isAnswer = new bool[count];
        for (int d = 0; d + 1 < starts.Count; d++)
        {
            for (int t = starts[d]; t + 1 < starts[d + 1]; t++)
            {
                targets[t] = tokens[t + 1];
                isAnswer[t] = answers[t + 1];
                weights[t] = isAnswer[t] ? AnswerWeight : 1f;
            }
        }

        return new TokenBatch { Tokens = [.. tokens], Targets = targets, Weights = weights, IsAnswer = isAnswer, DocumentStarts = [.. starts] };
    }
}
