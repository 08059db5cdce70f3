using System.Diagnostics;
using Fathom.Ycsb.Stores;
using Fathom.Ycsb.Workloads;

namespace Fathom.Ycsb;

/// <summary>Workloads one after the other on a loaded store: closed loop, a thread a client.</summary>
/// <remarks>An update writes the whole record; a read takes all of it. One run at a time.</remarks>
/// <param name="store">A loaded store.</param>
/// <param name="records">Records in it.</param>
public sealed class YcsbRun(IBenchmarkStore store, long records)
{
    private readonly IBenchmarkStore _store = store;
    private long _next = records;
    private volatile int _phase;
    private volatile Exception? _failure;

    /// <summary>Runs one workload.</summary>
    public YcsbResult Run(WorkloadFile workload, YcsbOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(workload);
        ArgumentNullException.ThrowIfNull(options);
        var distribution = options.Distribution is { } forced && workload.Distribution != RequestDistribution.Latest ? forced : workload.Distribution;
        var latest = new Zipfian(distribution == RequestDistribution.Latest ? _next : 2);
        _phase = 0;
        var clients = Enumerable.Range(0, options.Threads).Select(index => new Client(this, workload, distribution, latest, options, index)).ToList();
        var threads = clients.Select(client => new Thread(client.Run) { IsBackground = true }).ToList();
        threads.ForEach(thread => thread.Start());
        cancellation.WaitHandle.WaitOne(options.WarmUp);
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var started = Stopwatch.GetTimestamp();
        _phase = 1;
        cancellation.WaitHandle.WaitOne(options.Duration);
        _phase = 2;
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var used = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        threads.ForEach(thread => thread.Join());
        cancellation.ThrowIfCancellationRequested();
        if (_failure is { } failure)
            throw new YcsbException($"{workload.Name}: {failure.Message}", failure);

        var all = new LatencyHistogram();
        var reads = new LatencyHistogram();
        clients.ForEach(client => all.Add(client.All));
        clients.ForEach(client => reads.Add(client.Reads));
        var operations = clients.Sum(client => client.Operations);
        return new YcsbResult(
            workload.Name, distribution.ToString().ToLowerInvariant(), operations / seconds, all.PercentileUs(0.5), all.PercentileUs(0.99), reads.PercentileUs(0.99),
            used.TotalMicroseconds / Math.Max(1, operations), operations, clients.Sum(client => client.NotFound));
    }

    private sealed class Client(YcsbRun run, WorkloadFile workload, RequestDistribution distribution, Zipfian latest, YcsbOptions options, int index)
    {
        private readonly BenchmarkRandom _random = new(options.Seed * 1000 + (ulong)index);
        private readonly byte[] _key = new byte[RecordKeys.KeyBytesMax];
        private readonly byte[] _value = new byte[options.ValueBytes];
        private readonly byte[] _read = new byte[Math.Max(4096, options.ValueBytes)];

        public LatencyHistogram All { get; } = new();

        public LatencyHistogram Reads { get; } = new();

        public long Operations { get; private set; }

        public long NotFound { get; private set; }

        public void Run()
        {
            try
            {
                var chooser = new RecordChooser(distribution, _random, latest);
                using var session = run._store.OpenSession();
                for (var phase = run._phase; phase < 2; phase = run._phase)
                {
                    var began = Stopwatch.GetTimestamp();
                    var isRead = Operate(session, chooser);
                    var ticks = Stopwatch.GetTimestamp() - began;
                    if (phase != 1)
                        continue;
                    Operations++;
                    All.Add(ticks);
                    if (isRead)
                        Reads.Add(ticks);
                }
            }
            catch (Exception failure)
            {
                // The boundary of the thread: the run ends and reports it.
                run._failure = failure;
                run._phase = 2;
            }
        }

        /// <summary>One operation; true when it was a read.</summary>
        private bool Operate(IStoreSession session, RecordChooser chooser)
        {
            var choice = _random.NextUnit();
            if ((choice -= workload.Insert) < 0)
            {
                Write(session, Interlocked.Increment(ref run._next) - 1);
                return false;
            }
            // What other clients are inserting right now is not asked for.
            var key = Key(chooser.Next(Math.Max(1, Volatile.Read(ref run._next) - options.Threads)));
            if ((choice -= workload.Scan) < 0)
            {
                session.Scan(key, 1 + (int)_random.NextBelow(workload.ScanLengthMax), _read);
                return false;
            }
            if ((choice -= workload.Update) < 0)
            {
                RecordKeys.Fill(_value, _random);
                session.Write(key, _value);
                return false;
            }
            NotFound += session.Read(key, _read, out _) ? 0 : 1;
            if (choice - workload.ReadModifyWrite >= 0)
                return true;
            RecordKeys.Fill(_value, _random);
            session.Write(key, _value);
            return false;
        }

        private void Write(IStoreSession session, long number)
        {
            RecordKeys.Fill(_value, _random);
            session.Write(Key(number), _value);
        }

        private ReadOnlySpan<byte> Key(long number) => _key.AsSpan(0, RecordKeys.Write(number, _key));
    }
}
