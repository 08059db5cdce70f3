namespace Fathom.BuiltinModel.Training;

/// <summary>Everything that decides the trained weights besides the code: one plan, one model.</summary>
internal sealed record TrainingPlan
{
    public NetworkShape Shape { get; init; } = new() { Vocabulary = 2048 };

    public ulong CorpusSeed { get; init; } = 1;

    public ulong HeldOutSeed { get; init; } = 0xFEEDFACE;

    public ulong WeightSeed { get; init; } = 7;

    /// <summary>Documents that the tokenizer is trained on.</summary>
    public int TokenizerDocuments { get; init; } = 8000;

    public int BatchTokens { get; init; } = 3072;

    public int Steps { get; init; } = 2000;

    public int WarmupSteps { get; init; } = 100;

    /// <summary>Steps at the end over which the learning rate falls to zero along a half cosine; before them it stays at its peak.</summary>
    public int DecaySteps { get; init; } = 700;

    public double PeakLearningRate { get; init; } = 3e-3;

    public int EvaluateEverySteps { get; init; } = 100;

    /// <summary>Learning rate of a step, counted from 1.</summary>
    public double LearningRate(int step)
    {
        double warm = Math.Min(1.0, (double)step / WarmupSteps);
        int past = step - (Steps - DecaySteps);
        double fall = past <= 0 ? 1.0 : 0.5 * (1 + Math.Cos(Math.PI * past / DecaySteps));
        return PeakLearningRate * warm * fall;
    }
}
