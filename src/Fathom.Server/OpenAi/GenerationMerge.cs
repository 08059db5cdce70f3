using System.Runtime.CompilerServices;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>Reads several generations as they make progress.</summary>
internal static class GenerationMerge
{
    /// <summary>All updates with the index of their generation; in order for each one. Leaving early cancels them all.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async IAsyncEnumerable<(int Index, GenerationUpdate Update)> ReadAllAsync(
        IReadOnlyList<Generation> generations, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (generations.Count == 1)
        {
            await foreach (var update in generations[0].ReadAllAsync(cancellationToken))
                yield return (0, update);
            yield break;
        }

        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = generations.Select(generation => generation.ReadAllAsync(leaving.Token).GetAsyncEnumerator(leaving.Token)).ToArray();
        var moves = Array.ConvertAll(readers, reader => reader.MoveNextAsync().AsTask());
        var open = Enumerable.Range(0, readers.Length).ToList();
        try
        {
            while (open.Count > 0)
            {
                await Task.WhenAny(open.Select(index => moves[index]));
                for (var i = open.Count - 1; i >= 0; i--)
                {
                    var index = open[i];
                    if (!moves[index].IsCompleted)
                        continue;
                    if (!await moves[index])
                    {
                        open.RemoveAt(i);
                        continue;
                    }

                    yield return (index, readers[index].Current);
                    moves[index] = readers[index].MoveNextAsync().AsTask();
                }
            }
        }
        finally
        {
            await leaving.CancelAsync();
            // A reader may be disposed once its last move has ended; how it ended no longer matters.
            foreach (var move in moves)
                await ((Task)move).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var reader in readers)
                await reader.DisposeAsync();
        }
    }
}
