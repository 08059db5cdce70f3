namespace Fathom.Serving.Sampling;

/// <summary>Draws tokens from rows of logits, in time linear in the vocabulary: nothing is sorted.</summary>
/// <remarks>
/// Holds scratch for one row; one thread. The same row, parameters, seed, choice and token index give the same token.
/// See <see cref="SamplingParameters"/> for the order of the steps.
/// </remarks>
internal sealed class Sampler
{
    /// <summary>The logits gave no distribution: one is not a number, or every token is excluded.</summary>
    public const int NoToken = -1;

    private readonly float[] _weights;
    private readonly float[] _keys;
    private readonly int[] _ids;
    private readonly double[] _partials;

    public Sampler(int vocabularySize)
    {
        _weights = new float[vocabularySize];
        _keys = new float[vocabularySize];
        _ids = new int[vocabularySize];
        _partials = new double[(vocabularySize + LogitRow.PartialWeights - 1) / LogitRow.PartialWeights];
    }

    /// <summary>Draws a choice's next token.</summary>
    /// <param name="logits">The model's row; overwritten.</param>
    /// <param name="state">The choice; not advanced.</param>
    /// <param name="excluded">Tokens that must not be drawn.</param>
    /// <returns>The token, or <see cref="NoToken"/>.</returns>
    public int Draw(Span<float> logits, DrawState state, ReadOnlySpan<int> excluded)
    {
        SamplingParameters parameters = state.Parameters;
        state.Adjust(logits);
        foreach (int token in excluded)
            logits[token] = float.NegativeInfinity;
        if (parameters.Temperature == 0)
            return LogitRow.ArgMax(logits);

        float max = LogitRow.Max(logits);
        if (!float.IsFinite(max))
            return NoToken;
        float scale = 1 / parameters.Temperature;
        bool truncates = parameters.TypicalP < 1 || parameters.TopP < 1 || parameters.MinP > 0;
        int count;
        double total;
        if (parameters.TopK > 0 && parameters.TopK < logits.Length)
        {
            count = GatherTopK(logits, parameters.TopK, max, scale);
            total = Sum(count);
        }
        else
        {
            total = LogitRow.Exponentials(logits, max, scale, _weights.AsSpan(0, logits.Length), _partials);
            if (!double.IsFinite(total))
                return NoToken;
            if (!truncates)
                return PickByPartials(logits.Length, total, state.NextUniform());
            count = GatherAll(logits.Length, total, parameters);
        }

        return Pick(truncates ? Truncate(count, total, parameters) : count, state.NextUniform());
    }

    private int GatherTopK(ReadOnlySpan<float> logits, int k, float max, float scale)
    {
        int count = TopSelection.Largest(logits, _ids.AsSpan(0, k));
        for (int i = 0; i < count; i++)
            _weights[i] = MathF.Exp((logits[_ids[i]] - max) * scale);
        return count;
    }

    /// <summary>Lists the tokens that a truncation could keep.</summary>
    /// <remarks>
    /// With top-p alone, all tokens below (1-p)·total/n together weigh less than (1-p)·total, so the others reach p without them.
    /// </remarks>
    private int GatherAll(int length, double total, SamplingParameters parameters)
    {
        float least = parameters.TypicalP < 1 || parameters.TopP >= 1 ? 0 : (float)((1 - parameters.TopP) * total / length * 0.999);
        int count = 0;
        for (int i = 0; i < length; i++)
        {
            float weight = _weights[i];
            if (weight <= least)
                continue;
            _weights[count] = weight;
            _ids[count++] = i;
        }

        return count;
    }

    /// <summary>Applies typical, top-p and min-p to the listed tokens; at least one stays.</summary>
    private int Truncate(int count, double total, SamplingParameters parameters)
    {
        if (parameters.TypicalP < 1)
        {
            KeyBySurprise(count, total);
            count = Select(count, parameters.TypicalP * total);
            total = Sum(count);
        }

        if (parameters.TopP < 1)
        {
            for (int i = 0; i < count; i++)
                _keys[i] = -_weights[i];
            count = Select(count, parameters.TopP * total);
        }

        return parameters.MinP > 0 ? KeepLikely(count, parameters.MinP) : count;
    }

    /// <summary>Keys of locally typical sampling: how far each token's surprise is from the entropy.</summary>
    private void KeyBySurprise(int count, double total)
    {
        double entropy = 0;
        for (int i = 0; i < count; i++)
        {
            double surprise = -Math.Log(_weights[i] / total);
            _keys[i] = (float)surprise;
            entropy += _weights[i] / total * surprise;
        }

        for (int i = 0; i < count; i++)
            _keys[i] = (float)Math.Abs(_keys[i] - entropy);
    }

    private int KeepLikely(int count, float fraction)
    {
        float max = 0;
        for (int i = 0; i < count; i++)
            max = MathF.Max(max, _weights[i]);
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (_weights[i] < max * fraction)
                continue;
            _weights[kept] = _weights[i];
            _ids[kept++] = _ids[i];
        }

        return kept;
    }

    private int Select(int count, double mass) =>
        TopSelection.SmallestToMass(_keys.AsSpan(0, count), _weights.AsSpan(0, count), _ids.AsSpan(0, count), mass);

    private double Sum(int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += _weights[i];
        return sum;
    }

    /// <summary>Inverts the cumulative distribution of the listed tokens.</summary>
    private int Pick(int count, double uniform)
    {
        double left = uniform * Sum(count);
        int last = NoToken;
        for (int i = 0; i < count && left >= 0; i++)
        {
            if (_weights[i] <= 0)
                continue;
            last = _ids[i];
            left -= _weights[i];
        }

        return last;
    }

    /// <summary>Inverts the cumulative distribution of the whole row, by parts and then within one.</summary>
    private int PickByPartials(int length, double total, double uniform)
    {
        double left = uniform * total;
        int part = 0;
        int parts = (length + LogitRow.PartialWeights - 1) / LogitRow.PartialWeights;
        while (part < parts - 1 && left >= _partials[part])
            left -= _partials[part++];
        int last = NoToken;
        int end = Math.Min(length, (part + 1) * LogitRow.PartialWeights);
        for (int i = part * LogitRow.PartialWeights; i < end; i++)
        {
            if (_weights[i] <= 0)
                continue;
            last = i;
            left -= _weights[i];
            if (left < 0)
                return i;
        }

        // Rounding left a crumb after the last weight of the part; an empty last part falls back to the likeliest token.
        return last != NoToken ? last : LogitRow.ArgMax(_weights.AsSpan(0, length));
    }
}
