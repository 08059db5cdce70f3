using System.Buffers.Binary;
using Fathom.Cli.CommandLine;
using Fathom.Storage;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>Chains with a storage function: each thread gives its engine batches and keeps its share of the look-ups in flight.</summary>
internal sealed class ChainMethod(string name, LookUpIndex index, StorageFile file, StorageFunction function, int threads)
    : LookUpMethod(name, index, threads)
{
    private const int Batch = 4096;

    private readonly List<Task> _threads = [];

    // Finer than batches.
    public override long LookUps => file.Engine.Counters.Chains;

    public override long? SystemCalls => file.Engine.Counters.SystemCalls;

    public override void Start()
    {
        for (var i = 0; i < Workers; i++)
        {
            var worker = i;
            _threads.Add(Task.Factory.StartNew(() => Work(worker), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        }
    }

    protected override async ValueTask StopAsync() => await Task.WhenAll(_threads);

    private void Work(int worker)
    {
        var scratch = new byte[Batch * LookUpFunction.ScratchBytes];
        var requests = new ChainRequest[Batch];
        var results = new ChainResult[Batch];
        var keys = new KeySequence(worker, Index.Keys);
        while (!IsStopping)
        {
            for (var i = 0; i < Batch; i++)
            {
                var memory = scratch.AsMemory(i * LookUpFunction.ScratchBytes, LookUpFunction.ScratchBytes);
                var key = keys.Next();
                BinaryPrimitives.WriteInt64LittleEndian(memory.Span, key);
                requests[i] = new ChainRequest(file, function, Index.RootOffset(key), LookUpIndex.BlockBytes, memory);
            }
            file.Engine.RunBatch(requests, results);
            for (var i = 0; i < Batch; i++)
            {
                if (!results[i].IsDone)
                    throw new CommandException($"A look-up failed: {results[i]}.");
                var found = scratch.AsSpan(i * LookUpFunction.ScratchBytes);
                Check(BinaryPrimitives.ReadUInt64LittleEndian(found), BinaryPrimitives.ReadUInt64LittleEndian(found[8..]));
            }
        }
    }
}
