using System.Diagnostics;
using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Microbenchmarks;

/// <summary>Matrix products by type, rows of activations and threads, beside the plain way: decode a row, loop over it.</summary>
internal static class MatrixProductBenchmark
{
    private const int Columns = 2048;

    private static readonly TensorType[] Types =
    [
        TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.Q8_0, TensorType.Q4_0, TensorType.Q4_K, TensorType.Q6_K,
    ];

    private static readonly int[] TokenCounts = [1, 4, 16, 64, 512];

    /// <summary>Measures every case in every round, so that what else the machine does hits all of them alike.</summary>
    public static IReadOnlyList<MatrixProductRow> Run(int rounds, TimeSpan window, Action<string> progress)
    {
        using var one = new ComputePool(1);
        using var all = new ComputePool(Environment.ProcessorCount);
        using var workspace = new MatrixWorkspace();
        var rows = new List<MatrixProductRow>();
        foreach (var type in Types)
        {
            using var weights = new Weights(type, one);
            var cases = TokenCounts.SelectMany(m => new[] { new Case(m, one), new Case(m, all) }).ToList();
            var plain = new Case(1, one);
            for (var round = 0; round < rounds; round++)
            {
                foreach (var c in cases)
                    c.Measure(window, () => weights.Multiply(c, workspace));
                plain.Measure(window, () => weights.MultiplyPlainly(plain));
            }
            weights.Check(cases[0], workspace);
            foreach (var c in cases)
            {
                rows.Add(new MatrixProductRow(type.ToString(), c.Tokens, c.Pool.Threads, Weights.RowsFor(c.Tokens), Columns,
                    Math.Round(Weights.MacsFor(c) / c.BestSeconds / 1e9, 1), Math.Round(plain.PlainMacsPerSecond / 1e9, 2)));
            }
            progress(string.Join("  ", rows.TakeLast(cases.Count).Select(r => $"{r.Type} M={r.Tokens} T={r.Threads}: {r.GmacPerS}")));
        }
        return rows;
    }

    private sealed class Case(int tokens, ComputePool pool)
    {
        private readonly Random _random = new(tokens);

        public int Tokens { get; } = tokens;

        public ComputePool Pool { get; } = pool;

        public float[] X { get; private set; } = [];

        public float[] Y { get; private set; } = [];

        public double BestSeconds { get; private set; } = double.PositiveInfinity;

        public double PlainMacsPerSecond => Tokens * (double)Weights.PlainRows * Columns / BestSeconds;

        public void Measure(TimeSpan window, Action product)
        {
            if (X.Length == 0)
            {
                X = [.. Enumerable.Range(0, Tokens * Columns).Select(_ => (float)_random.NextDouble() - 0.5f)];
                Y = new float[Tokens * Weights.RowsMax];
                product(); // compiled and warm
            }
            var until = Stopwatch.GetTimestamp() + (long)(window.TotalSeconds * Stopwatch.Frequency);
            do
            {
                var start = Stopwatch.GetTimestamp();
                product();
                BestSeconds = Math.Min(BestSeconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            while (Stopwatch.GetTimestamp() < until);
        }
    }

    /// <summary>A matrix of 11 million weights for few tokens, several times over so that they stream from memory; a part for many.</summary>
    private sealed class Weights : IDisposable
    {
        public const int RowsMax = 5632;
        public const int PlainRows = 64;
        private const int RowsOfMany = 512;
        private const int Copies = 6;

        private readonly WeightMatrix[] _large;
        private readonly WeightMatrix _small;
        private readonly NativeBuffer _source;
        private readonly TensorType _type;
        private readonly float[] _row = new float[Columns];
        private int _next;

        public Weights(TensorType type, ComputePool pool)
        {
            _type = type;
            var rowBytes = BlockFormat.Get(type).RowBytes(Columns);
            _source = NativeBuffer.Allocate(rowBytes * RowsMax);
            var random = new Random(1);
            for (var row = 0; row < RowsMax; row++)
            {
                var target = _source.View.Slice(row * rowBytes, rowBytes).AsSpan<byte>();
                if (row >= PlainRows)
                {
                    _source.View.Slice(row % PlainRows * rowBytes, rowBytes).AsSpan<byte>().CopyTo(target);
                    continue;
                }
                for (var k = 0; k < Columns; k++)
                    _row[k] = (float)random.NextDouble() - 0.5f;
                BlockCodec.Encode(type, _row, target);
            }
            _large = [.. Enumerable.Range(0, Copies).Select(_ => WeightMatrix.Pack(type, RowsMax, Columns, _source.View, pool))];
            _small = WeightMatrix.Pack(type, RowsOfMany, Columns, _source.View.Slice(0, rowBytes * RowsOfMany), pool);
        }

        public static int RowsFor(int tokens) => tokens <= 4 ? RowsMax : RowsOfMany;

        public static double MacsFor(Case c) => c.Tokens * (double)RowsFor(c.Tokens) * Columns;

        public void Multiply(Case c, MatrixWorkspace workspace)
        {
            var matrix = c.Tokens <= 4 ? _large[_next++ % Copies] : _small;
            MatrixProduct.Multiply(c.Pool, matrix, c.X, c.Y.AsSpan(0, c.Tokens * matrix.Rows), c.Tokens, workspace);
        }

        public void MultiplyPlainly(Case c)
        {
            var rowBytes = BlockFormat.Get(_type).RowBytes(Columns);
            for (var row = 0; row < PlainRows; row++)
            {
                BlockCodec.Decode(_type, _source.View.Slice(row * rowBytes, rowBytes).AsSpan<byte>(), _row);
                for (var t = 0; t < c.Tokens; t++)
                {
                    var sum = 0f;
                    for (var k = 0; k < Columns; k++)
                        sum += _row[k] * c.X[t * Columns + k];
                    c.Y[t * PlainRows + row] = sum;
                }
            }
        }

        /// <summary>Fails when the fast product and the plain one differ by more than int8 activations explain.</summary>
        public void Check(Case c, MatrixWorkspace workspace)
        {
            MultiplyPlainly(c);
            var plain = c.Y[..PlainRows];
            Multiply(c, workspace);
            double error = 0, size = 0;
            for (var row = 0; row < PlainRows; row++)
            {
                error += Math.Pow(plain[row] - c.Y[row], 2);
                size += Math.Pow(plain[row], 2);
            }
            if (error > 0.02 * 0.02 * size)
                throw new InvalidOperationException($"{_type}: relative error {Math.Sqrt(error / size)}");
        }

        public void Dispose()
        {
            foreach (var matrix in _large)
                matrix.Dispose();
            _small.Dispose();
            _source.Dispose();
        }
    }
}

/// <summary>One measured case.</summary>
internal sealed record MatrixProductRow(
    string Type, int Tokens, int Threads, int Rows, int Columns, double GmacPerS, double PlainGmacPerS);
