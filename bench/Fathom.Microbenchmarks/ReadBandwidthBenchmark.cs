using System.Diagnostics;
using System.Runtime.Intrinsics;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Microbenchmarks;

/// <summary>How fast all threads together read memory that no cache holds: the roof over decoding one sequence.</summary>
internal static class ReadBandwidthBenchmark
{
    private const long Bytes = 1L << 30;
    private const int ItemBytes = 1 << 20;

    public static IReadOnlyList<object> Run(int rounds, Action<string> progress)
    {
        using var memory = NativeBuffer.Allocate(Bytes);
        for (var offset = 0L; offset < Bytes; offset += ItemBytes)
            memory.AsSpan<byte>(offset, ItemBytes).Fill(1);
        var rows = new List<object>();
        foreach (var threads in new[] { 1, ProcessorCores.Usable }.Distinct())
        {
            using var pool = new ComputePool(threads);
            var best = double.PositiveInfinity;
            for (var round = 0; round < rounds; round++)
            {
                var work = new ReadWork { Memory = memory.View };
                var start = Stopwatch.GetTimestamp();
                pool.Run(ref work, (int)(Bytes / ItemBytes));
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            var row = new ReadBandwidthRow(threads, Math.Round(Bytes / best / 1e9, 1));
            progress($"{row.Threads} threads: {row.GbPerS} GB/s");
            rows.Add(row);
        }
        return rows;
    }

    private struct ReadWork : IParallelWork
    {
        public NativeView Memory;
        public long Sum;

        public void Execute(int begin, int end, int worker)
        {
            for (var item = begin; item < end; item++)
            {
                // Four sums, so that the loads and not the additions set the pace.
                Vector256<long> a = default, b = default, c = default, d = default;
                foreach (ref readonly var line in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Line>(Memory.Slice((long)item * ItemBytes, ItemBytes).AsSpan<byte>()))
                {
                    a ^= line.A;
                    b ^= line.B;
                    c ^= line.C;
                    d ^= line.D;
                }
                Interlocked.Add(ref Sum, (a ^ b ^ c ^ d).GetElement(0));
            }
        }
    }

    // Read from memory, never written by name.
#pragma warning disable CS0649
    private readonly struct Line
    {
        public readonly Vector256<long> A;
        public readonly Vector256<long> B;
        public readonly Vector256<long> C;
        public readonly Vector256<long> D;
    }
}

/// <summary>One measured number of threads.</summary>
internal sealed record ReadBandwidthRow(int Threads, double GbPerS);
