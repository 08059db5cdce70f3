using System.Diagnostics;
using Fathom.Kernels.Attention;
using Fathom.Models.Execution;

namespace Fathom.Cli.Commands.Bench;

/// <summary>Times prefill and decode of a model at one batch size: forward passes only, no tokenizer and no sampler.</summary>
/// <remarks>Owns its KV blocks and buffers. Every sequence gets its own prompt and its own blocks; nothing is shared or cached.</remarks>
internal sealed class ModelBenchmark : IDisposable
{
    /// <summary>Prompt tokens per forward pass, as servers chunk them.</summary>
    private const int ChunkTokens = 512;

    private const int WarmUpTokens = 512;
    private const int WarmUpSteps = 64;

    /// <summary>.NET compiles code anew, optimised, some time after it was called often: a small model's first runs are over before.</summary>
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(1);

    private readonly TransformerModel _model;
    private readonly KvStorage _storage;
    private readonly ForwardBatch _forward = new();
    private readonly int[][] _blockTables;
    private readonly int[] _tokens;
    private readonly float[] _logits;
    private readonly int _prompt;
    private readonly int _generate;

    /// <param name="model">Model under test; stays the caller's.</param>
    /// <param name="type">Format of keys and values.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="prompt">Prompt tokens of each.</param>
    /// <param name="generate">Tokens generated after each prompt.</param>
    public ModelBenchmark(TransformerModel model, KvType type, int batch, int prompt, int generate)
    {
        _model = model;
        _prompt = prompt;
        _generate = generate;
        var blocksEach = (prompt + generate + KvStorage.BlockTokens - 1) / KvStorage.BlockTokens;
        _blockTables = [.. Enumerable.Range(0, batch).Select(sequence => Enumerable.Range(sequence * blocksEach, blocksEach).ToArray())];
        _storage = model.CreateKvStorage(batch * blocksEach, type);
        _logits = new float[batch * model.Config.VocabularySize];
        var random = new Random(batch);
        _tokens = [.. Enumerable.Range(0, prompt + generate).Select(_ => random.Next(model.Config.VocabularySize))];
    }

    /// <summary>Time of the prompts by operator, if wanted.</summary>
    public OperatorClock? PrefillClock { get; init; }

    /// <summary>Time of the generation by operator, if wanted.</summary>
    public OperatorClock? DecodeClock { get; init; }

    /// <summary>Runs every path, again and again for a second, so that the measured runs find compiled code and memory that has been touched.</summary>
    public void WarmUp(CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        do
        {
            Prefill(Math.Min(_prompt, WarmUpTokens), cancellation);
            Decode(Math.Min(_generate, WarmUpSteps), cancellation);
        }
        while (Stopwatch.GetElapsedTime(started) < WarmUpTime);
    }

    /// <summary>Tokens per second of the prompts and of the generation, over all sequences.</summary>
    public (double PrefillTokensPerSecond, double DecodeTokensPerSecond) Run(CancellationToken cancellation)
    {
        _model.Clock = PrefillClock;
        var started = Stopwatch.GetTimestamp();
        Prefill(_prompt, cancellation);
        var prefillSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        _model.Clock = DecodeClock;
        started = Stopwatch.GetTimestamp();
        Decode(_generate, cancellation);
        var decodeSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        _model.Clock = null;
        return (_blockTables.Length * _prompt / prefillSeconds, _blockTables.Length * _generate / decodeSeconds);
    }

    private void Prefill(int tokens, CancellationToken cancellation)
    {
        foreach (var table in _blockTables)
        {
            for (var position = 0; position < tokens; position += ChunkTokens)
            {
                cancellation.ThrowIfCancellationRequested();
                var count = Math.Min(ChunkTokens, tokens - position);
                _forward.Clear();
                _forward.Add(_tokens.AsSpan(position, count), position, table, position + count == tokens ? LogitRows.Last : LogitRows.None);
                Execute();
            }
        }
    }

    private void Decode(int steps, CancellationToken cancellation)
    {
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            _forward.Clear();
            foreach (var table in _blockTables)
                _forward.Add(_tokens.AsSpan(_prompt + step, 1), _prompt + step, table, LogitRows.Last);
            Execute();
        }
    }

    public void Dispose() => _storage.Dispose();

    private void Execute() =>
        _model.Forward(_forward, _storage, _logits.AsSpan(0, _forward.LogitRowCount * _model.Config.VocabularySize));
}
