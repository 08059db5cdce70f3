namespace Fathom.BuiltinModel.Training;

/// <summary>How well held-out documents are predicted.</summary>
/// <param name="Loss">Mean -log p over all tokens.</param>
/// <param name="AnswerLoss">The same over assistants' tokens.</param>
/// <param name="Answers">Short answers looked at (up to 40 tokens).</param>
/// <param name="Right">Those that greedy decoding gives to the token.</param>
internal sealed record Evaluation(double Loss, double AnswerLoss, int Answers, int Right)
{
    private const int ShortAnswerTokens = 40;

    public double Perplexity => Math.Exp(Loss);

    public double AnswerPerplexity => Math.Exp(AnswerLoss);

    public double ShareRight => Answers == 0 ? 0 : (double)Right / Answers;

    public static Evaluation Run(LlamaNetwork network, IReadOnlyList<TokenBatch> batches)
    {
        double loss = 0, answerLoss = 0;
        long tokens = 0, answerTokens = 0;
        int answers = 0, right = 0;
        foreach (TokenBatch batch in batches)
        {
            network.Forward(batch.Tokens, batch.DocumentStarts);
            bool[] hit = Hits(network.Logits, batch);
            network.Loss(batch);
            for (int t = 0; t < batch.Tokens.Length; t++)
            {
                if (batch.Weights[t] == 0)
                    continue;
                loss += network.TokenLosses[t];
                tokens++;
                if (!batch.IsAnswer[t])
                    continue;
                answerLoss += network.TokenLosses[t];
                answerTokens++;
                if (t > 0 && batch.IsAnswer[t - 1])
                    continue;
                int end = t;
                while (end < batch.IsAnswer.Length && batch.IsAnswer[end])
                    end++;
                if (end - t > ShortAnswerTokens)
                    continue;
                answers++;
                right += Array.TrueForAll(hit[t..end], h => h) ? 1 : 0;
            }
        }

        return new Evaluation(loss / Math.Max(1, tokens), answerLoss / Math.Max(1, answerTokens), answers, right);
    }

    private static bool[] Hits(Tensor logits, TokenBatch batch)
    {
        var hit = new bool[batch.Tokens.Length];
        for (int t = 0; t < hit.Length; t++)
            hit[t] = batch.IsAnswer[t] && Greedy(logits.Row(t)) == batch.Targets[t];
        return hit;
    }

    public static int Greedy(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }

        return best;
    }
}
