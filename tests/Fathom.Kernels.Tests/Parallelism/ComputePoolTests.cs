using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.Tests.Parallelism;

public class ComputePoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(16)]
    public void Run_ManyDispatches_DoEveryItemOnce(int threads)
    {
        using var pool = new ComputePool(threads);
        var random = new Random(3);
        for (var round = 0; round < 3000; round++)
        {
            var items = random.Next(0, 40);
            var work = new CountWork { Counts = new int[items], Threads = threads };
            pool.Run(ref work, items);
            Assert.All(work.Counts, count => Assert.Equal(1, count));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Run_LargeAfterSmall_DoesEveryItemOnce(int threads)
    {
        // A worker that saw the small dispatch end must not claim from the large one by the small one's ticket.
        using var pool = new ComputePool(threads);
        var counts = new int[40];
        for (var round = 1; round <= 20_000; round++)
        {
            var small = new CountWork { Counts = counts, Threads = threads };
            pool.Run(ref small, 2);
            var large = new CountWork { Counts = counts, Threads = threads };
            pool.Run(ref large, 40);
            Assert.Equal(2 * round, counts[1]);
            Assert.Equal(round, counts[39]);
        }
        Assert.All(counts[2..], count => Assert.Equal(20_000, count));
    }

    [Fact]
    public void Run_WhileWorkersSleep_WakesThem()
    {
        // Each item waits for the other: the run ends only if a second thread wakes and takes part.
        using var pool = new ComputePool(2);
        using var idle = new ManualResetEventSlim();
        for (var round = 0; round < 20; round++)
        {
            idle.Wait(TimeSpan.FromMilliseconds(2)); // far past the spinning
            var work = new MeetWork { Arrivals = new int[1] };
            pool.Run(ref work, 2);
            Assert.Equal(2, work.Arrivals[0]);
        }
    }

    [Fact]
    public void Run_WorkHoldsASpan_WritesThroughIt()
    {
        using var pool = new ComputePool(3);
        Span<int> target = stackalloc int[1000];
        var work = new SpanWork { Target = target };
        pool.Run(ref work, target.Length);
        for (var i = 0; i < target.Length; i++)
            Assert.Equal(i, target[i]);
    }

    [Fact]
    public void Run_WorkThatThrows_IsAViolationAndThePoolGoesOn()
    {
        using var pool = new ComputePool(3);
        for (var round = 0; round < 50; round++)
        {
            var bad = new ThrowWork { At = round % 7 };
            var violation = Assert.Throws<InvariantViolationException>(() =>
            {
                var copy = bad;
                pool.Run(ref copy, 7);
            });
            Assert.IsType<FormatException>(violation.InnerException);
            var good = new CountWork { Counts = new int[9], Threads = 3 };
            pool.Run(ref good, 9);
            Assert.All(good.Counts, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Run_FromWithinWork_IsAViolation()
    {
        using var pool = new ComputePool(2);
        Assert.Throws<InvariantViolationException>(() =>
        {
            var work = new NestedWork { Pool = pool };
            pool.Run(ref work, 1);
        });
    }

    [Fact]
    public void Run_Warm_AllocatesNothing()
    {
        using var pool = new ComputePool(2);
        var work = new CountWork { Counts = new int[64], Threads = 2 };
        Assert.Equal(0, Allocations.OfWarm(() => pool.Run(ref work, 64), rounds: 100));
    }

    [Fact]
    public void Dispose_ThenRun_IsRefused()
    {
        var pool = new ComputePool(2);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() =>
        {
            var work = new CountWork { Counts = new int[1], Threads = 2 };
            pool.Run(ref work, 1);
        });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ComputePool(0));
    }

    private struct CountWork : IParallelWork
    {
        public int[] Counts;
        public int Threads;

        public readonly void Execute(int begin, int end, int worker)
        {
            Invariant.Check(worker >= 0 && worker < Threads);
            for (var i = begin; i < end; i++)
                Interlocked.Increment(ref Counts[i]);
        }
    }

    private struct MeetWork : IParallelWork
    {
        public int[] Arrivals;

        public readonly void Execute(int begin, int end, int worker)
        {
            Interlocked.Add(ref Arrivals[0], end - begin);
            SpinWait.SpinUntil(IsFull);
        }

        private readonly bool IsFull() => Volatile.Read(ref Arrivals[0]) == 2;
    }

    private ref struct SpanWork : IParallelWork
    {
        public Span<int> Target;

        public readonly void Execute(int begin, int end, int worker)
        {
            for (var i = begin; i < end; i++)
                Target[i] = i;
        }
    }

    private struct ThrowWork : IParallelWork
    {
        public int At;

        public readonly void Execute(int begin, int end, int worker)
        {
            if (begin <= At && At < end)
                throw new FormatException();
        }
    }

    private struct NestedWork : IParallelWork
    {
        public ComputePool Pool;

        public readonly void Execute(int begin, int end, int worker)
        {
            var inner = new CountWork { Counts = new int[1], Threads = 2 };
            Pool.Run(ref inner, 1);
        }
    }
}
