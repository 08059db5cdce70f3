using System.Runtime.InteropServices;
using System.Text;
using Fathom.Models.Execution;
using Fathom.Serving.Engine;
using Fathom.Serving.KvCache;

namespace Fathom.Server.Tests.Fakes;

/// <summary>
/// A model whose answer can be told beforehand. In a chat it answers <c>Echo: </c> and the last user message, or dots for
/// ever when that message begins with <c>forever</c>; it throws on <c>break</c>. In plain text it continues the alphabet
/// from the last letter and ends after z. Its keys and values are the tokens themselves, kept by block and slot, so a wrong
/// block table or a lost copy gives a wrong answer.
/// </summary>
internal sealed class EchoExecutor(int blocks, int contextLength) : IModelExecutor, IDisposable
{
    public const float BestLogit = 20;
    public const float NextLogit = 5;

    private readonly int[] _kv = new int[blocks * ForwardBatch.BlockTokens];
    private readonly ManualResetEventSlim _gate = new(true);
    private volatile int _tokensUntilPause = int.MaxValue;

    public int VocabularySize => 263;

    public int ContextLength => contextLength;

    public int Blocks => blocks;

    /// <summary>Holds the next iterations until <see cref="Release"/>.</summary>
    public void Hold() => _gate.Reset();

    /// <summary>Holds the iterations after so many tokens, until <see cref="Release"/>.</summary>
    public void PauseAfterTokens(int tokens) => _tokensUntilPause = tokens;

    public void Release()
    {
        _tokensUntilPause = int.MaxValue;
        _gate.Set();
    }

    public void Execute(ForwardBatch batch, Span<float> logits)
    {
        _gate.Wait();
        if (_tokensUntilPause != int.MaxValue && (_tokensUntilPause -= batch.TokenCount) <= 0)
            _gate.Reset();
        foreach (var sequence in batch.Sequences)
        {
            var table = batch.BlockTable(sequence);
            for (var i = 0; i < sequence.TokenCount; i++)
                _kv[Slot(table, sequence.FirstPosition + i)] = batch.Tokens[sequence.TokenStart + i];
        }

        foreach (var sequence in batch.Sequences)
        {
            var table = batch.BlockTable(sequence);
            for (var row = 0; row < sequence.LogitCount; row++)
            {
                var tokens = sequence.FirstPosition + sequence.TokenCount - sequence.LogitCount + row + 1;
                var seen = new int[tokens];
                for (var i = 0; i < tokens; i++)
                    seen[i] = _kv[Slot(table, i)];
                WriteRow(logits.Slice((sequence.LogitStart + row) * VocabularySize, VocabularySize), Next(seen));
            }
        }
    }

    public void CopyBlock(BlockId from, BlockId to) =>
        _kv.AsSpan(from.Value * ForwardBatch.BlockTokens, ForwardBatch.BlockTokens).CopyTo(_kv.AsSpan(to.Value * ForwardBatch.BlockTokens));

    public int BlockBytes => ForwardBatch.BlockTokens * sizeof(int);

    public void ReadBlock(BlockId block, Span<byte> destination) =>
        MemoryMarshal.AsBytes(_kv.AsSpan(block.Value * ForwardBatch.BlockTokens, ForwardBatch.BlockTokens)).CopyTo(destination);

    public void WriteBlock(BlockId block, ReadOnlySpan<byte> source) =>
        source.CopyTo(MemoryMarshal.AsBytes(_kv.AsSpan(block.Value * ForwardBatch.BlockTokens, ForwardBatch.BlockTokens)));

    public void Dispose() => _gate.Dispose();

    private static int Slot(ReadOnlySpan<int> table, int position) =>
        (table[position / ForwardBatch.BlockTokens] * ForwardBatch.BlockTokens) + (position % ForwardBatch.BlockTokens);

    private static void WriteRow(Span<float> row, int next)
    {
        row.Fill(-20);
        row[(next + 1) % row.Length] = NextLogit;
        row[next] = BestLogit;
    }

    private static int Next(int[] seen)
    {
        var turn = Array.LastIndexOf(seen, ByteTokenizer.Assistant);
        if (turn < 0)
            return NextLetter(seen[^1]);

        var userEnd = Array.LastIndexOf(seen, ByteTokenizer.EndOfTurn, turn);
        var userStart = userEnd < 0 ? -1 : Array.LastIndexOf(seen, ByteTokenizer.User, userEnd);
        var message = userStart < 0 ? [] : seen[(userStart + 1)..userEnd];
        if (StartsWith(message, "break"))
            throw new InvalidOperationException("the model was told to break");
        if (StartsWith(message, "forever"))
            return '.';
        int[] answer = [.. Encoding.ASCII.GetBytes("Echo: ").Select(static b => (int)b), .. message];
        var written = seen.Length - 1 - turn;
        return written < answer.Length ? answer[written] : ByteTokenizer.EndOfTurn;
    }

    private static int NextLetter(int last) => last is >= 'a' and < 'z' ? last + 1 : last == 'z' ? ByteTokenizer.End : 'a';

    private static bool StartsWith(int[] message, string prefix) =>
        message.Length >= prefix.Length && prefix.Select(static c => (int)c).SequenceEqual(message[..prefix.Length]);
}
