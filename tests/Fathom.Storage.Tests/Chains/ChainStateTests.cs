using Fathom.Storage.Chains;

namespace Fathom.Storage.Tests.Chains;

/// <summary>The state machine of a chain without an engine: what devices can do to it, in any order and at any time.</summary>
public sealed unsafe class ChainStateTests : IDisposable
{
    private const long TicksPerSecond = 1000;
    private const int InputOutputError = 5;
    private const int TimedOut = 110;

    private readonly StorageEngine _engine = Engines.Start(EngineKind.Threads);
    private readonly TestFile _content = TestFile.CreateRandom(1 << 20, 1);
    private readonly StorageFile _file;
    private readonly Chain _chain = new();
    private readonly List<ulong> _seen = [];

    public ChainStateTests() => _file = _engine.Open(_content.Path, new StorageFileOptions { Guard = FileGuard.Extents });

    public void Dispose()
    {
        _file.Dispose();
        _engine.Dispose();
        _content.Dispose();
    }

    [Theory]
    [InlineData(InputOutputError)]
    [InlineData(TimedOut)]
    public void MediaErrorOrTimeoutOfTheDevice_EndsTheChainWithItsErrno(int errno)
    {
        Begin(Fan(3));
        CompleteAll(_ => 512, out var first);
        _chain.Step(0);
        CompleteAll(sequence => sequence == 2 ? -errno : 512, out _);
        _chain.Step(0); // the read before the bad one still counts
        Assert.False(_chain.HasEnded);
        _chain.Step(0);
        Assert.Equal(
            new ChainResult { Status = ChainStatus.ReadError, Code = errno, Hops = 2, Bytes = 1024, OffsetBytes = 1024, SizeBytes = 512 }, _chain.Result);
        Assert.Equal([0ul, 512], _seen);
        Assert.Equal(1, first);
    }

    [Fact]
    public void FewerBytesThanTheFileHas_IsAShortRead()
    {
        Begin(Fan(1));
        CompleteAll(_ => 511, out _);
        _chain.Step(0);
        Assert.Equal(ChainStatus.ShortRead, _chain.Result.Status);
        Assert.Empty(_seen);
    }

    [Fact]
    public void CompletionsInAnyOrder_AreSteppedOverInTheOrderOfAsking()
    {
        var random = new Random(1);
        for (var round = 0; round < 200; round++)
        {
            _seen.Clear();
            Begin(Fan(16));
            CompleteAll(_ => 512, out _);
            _chain.Step(0);
            var issued = Issue();
            random.Shuffle(issued);
            foreach (var sequence in issued)
            {
                _chain.Complete(sequence, 512, Block);
                while (_chain.CanStep)
                    _chain.Step(0);
            }
            Assert.Equal(ChainStatus.Done, _chain.Result.Status);
            Assert.Equal(Enumerable.Range(0, 17).Select(i => (ulong)(i == 0 ? 0 : i * 512)), _seen);
        }
    }

    [Fact]
    public void ReadsInFlight_NeverExceedSixteen_AndTheRestWaits()
    {
        var steps = 0;
        Begin(Engines.Function((ref context, data, scratch) =>
        {
            for (var i = 0; steps < 10 && i < 16; i++)
                context.Read(i, (ulong)i * 512, 512);
            steps++;
            context.Done = steps == 60 ? 1u : 0;
            return 0;
        }));
        CompleteAll(_ => 512, out _);
        _chain.Step(0);
        var inFlight = new Queue<uint>(Issue());
        while (!_chain.HasEnded)
        {
            Assert.InRange(inFlight.Count, 1, Chain.ReadsInFlightMax);
            _chain.Complete(inFlight.Dequeue(), 512, Block);
            _chain.Step(0);
            foreach (var sequence in _chain.HasEnded ? [] : Issue())
                inFlight.Enqueue(sequence);
        }
        Assert.Equal(60, steps);
    }

    [Fact]
    public void DeadlineWhileTheDeviceHoldsReads_EndsTheChainAtOnceAndKeepsTrackOfBlocks()
    {
        Begin(Fan(4), new ChainLimits { Deadline = TimeSpan.FromSeconds(2) });
        CompleteAll(_ => 512, out _);
        _chain.Step(1999);
        var issued = Issue();
        _chain.Complete(issued[1], 512, Block);
        _chain.Complete(issued[3], 512, Block + 1);
        Assert.False(_chain.EndsBefore(1999));
        Assert.True(_chain.EndsBefore(2000));
        Assert.Equal(new ChainResult { Status = ChainStatus.Deadline, Hops = 1, Bytes = 512 }, _chain.Result);
        Assert.False(_chain.CanStep);
        Assert.Equal(0u, _chain.NextIssueBytes);
        // The two reads that are back give their blocks; the other two are the engine's to wait for.
        Assert.True(_chain.TryTakeUnused(out var block));
        Assert.Equal(Block, block);
        Assert.True(_chain.TryTakeUnused(out block));
        Assert.Equal(Block + 1, block);
        Assert.False(_chain.TryTakeUnused(out _));
    }

    [Fact]
    public void Deadlines_AtTheEdgesOfTime_DoNotWrap()
    {
        Begin(Fan(1), new ChainLimits { Deadline = TimeSpan.MaxValue }, now: long.MaxValue - 5);
        Assert.Equal(long.MaxValue, _chain.Deadline);
        _chain.End(ChainStatus.Closed);
        while (_chain.TryTakeUnused(out _))
        {
        }
        Begin(Fan(1), new ChainLimits { Deadline = TimeSpan.MinValue }, now: long.MinValue + 5);
        Assert.Equal(long.MinValue, _chain.Deadline);
    }

    [Fact]
    public void CompletionThatWasNeverIssued_IsAViolatedInvariant()
    {
        Begin(Fan(1));
        Assert.Throws<Fathom.Memory.InvariantViolationException>(() => _chain.Complete(0, 512, Block));
        var sequence = _chain.Issue(out _);
        _chain.Complete(sequence, 512, Block);
        Assert.Throws<Fathom.Memory.InvariantViolationException>(() => _chain.Complete(sequence, 512, Block));
    }

    private static readonly nint Block = (nint)System.Runtime.InteropServices.NativeMemory.AllocZeroed(1024);

    /// <summary>A root that asks for the next blocks of the file; done when all of them were seen.</summary>
    private StorageFunction Fan(int reads) => Engines.Function((ref context, data, scratch) =>
    {
        _seen.Add(context.Offset);
        for (var i = 0; context.Hop == 0 && i < reads; i++)
            context.Read(i, (ulong)(i + 1) * 512, 512);
        context.Done = context.Hop == reads ? 1u : 0;
        return 0;
    });

    private void Begin(StorageFunction function, ChainLimits limits = default, long now = 0) =>
        _chain.Begin(new ChainRequest(_file, function, 0, 512, default) { Limits = limits }, now, TicksPerSecond);

    private uint[] Issue()
    {
        var issued = new List<uint>();
        while (_chain.NextIssueBytes != 0)
            issued.Add(_chain.Issue(out _));
        return [.. issued];
    }

    private void CompleteAll(Func<uint, int> outcome, out int count)
    {
        var issued = Issue();
        foreach (var sequence in issued)
            _chain.Complete(sequence, outcome(sequence), Block);
        count = issued.Length;
    }
}
