using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Rotary;

/// <summary>Cosines and sines of one batch's tokens, and the rotation of heads by them.</summary>
/// <remarks>
/// Owned by one forward pass: <see cref="SetPositions"/> once per batch, then <see cref="Apply"/> in every layer, from any
/// number of threads. Angles are taken in f64, so position 100,000 is as exact as position 1.
/// </remarks>
public sealed class RotaryTable
{
    private readonly RotaryFrequencies _frequencies;
    private float[] _cosines = [];
    private float[] _sines = [];

    /// <summary>An empty table.</summary>
    public RotaryTable(RotaryFrequencies frequencies)
    {
        ArgumentNullException.ThrowIfNull(frequencies);
        _frequencies = frequencies;
    }

    /// <summary>What the angles are made from.</summary>
    public RotaryFrequencies Frequencies => _frequencies;

    /// <summary>Tokens the table holds angles for.</summary>
    public int Tokens { get; private set; }

    /// <summary>Computes the angles of a batch.</summary>
    /// <param name="positions">Position of each token in its sequence.</param>
    /// <remarks>Allocates only when the batch is larger than every one before.</remarks>
    public void SetPositions(ReadOnlySpan<int> positions)
    {
        var radians = _frequencies.RadiansPerPosition;
        var values = checked(positions.Length * radians.Length);
        if (_cosines.Length < values)
        {
            _cosines = new float[values];
            _sines = new float[values];
        }
        var factor = _frequencies.AttentionFactor;
        for (var t = 0; t < positions.Length; t++)
        {
            var row = t * radians.Length;
            for (var i = 0; i < radians.Length; i++)
            {
                var (sine, cosine) = Math.SinCos(positions[t] * radians[i]);
                _cosines[row + i] = (float)(cosine * factor);
                _sines[row + i] = (float)(sine * factor);
            }
        }
        Tokens = positions.Length;
    }

    /// <summary>Rotates the heads of consecutive tokens in place: (a, b) -> (a cos - b sin, a sin + b cos) for each pair.</summary>
    /// <param name="x">Queries or keys [tokens, heads, headDim].</param>
    /// <param name="heads">Heads in each token.</param>
    /// <param name="headDim">Values in each head; at least RotaryDims.</param>
    /// <param name="firstToken">The table's token that x starts at.</param>
    /// <exception cref="ArgumentException">x is not whole tokens, reaches past the table, or heads are too small.</exception>
    public void Apply(Span<float> x, int heads, int headDim, int firstToken = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        ArgumentOutOfRangeException.ThrowIfLessThan(headDim, _frequencies.RotaryDims);
        ArgumentOutOfRangeException.ThrowIfNegative(firstToken);
        var stride = checked(heads * headDim);
        if (x.Length % stride != 0)
            throw new ArgumentException($"{x.Length} values are not whole tokens of {heads} heads of {headDim}.", nameof(x));
        var tokens = x.Length / stride;
        if (tokens > Tokens - firstToken)
            throw new ArgumentException($"Tokens {firstToken}..{(long)firstToken + tokens} reach past the table's {Tokens}.", nameof(x));
        for (var t = 0; t < tokens; t++)
            RotateToken(x.Slice(t * stride, stride), headDim, firstToken + t);
    }

    /// <summary>Rotates all heads of the table's token <paramref name="token"/>.</summary>
    internal void RotateToken(Span<float> x, int headDim, int token)
    {
        var pairs = _frequencies.RotaryDims / 2;
        var cosines = _cosines.AsSpan(token * pairs, pairs);
        var sines = _sines.AsSpan(token * pairs, pairs);
        for (var start = 0; start < x.Length; start += headDim)
            Rotate(x.Slice(start, 2 * pairs), cosines, sines, _frequencies.Layout);
    }

    /// <summary>Scalar twin of <see cref="Rotate"/>.</summary>
    internal static void RotateScalar(Span<float> head, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines, RotaryLayout layout) =>
        RotateScalar(head, cosines, sines, layout, 0);

    internal static void Rotate(Span<float> head, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines, RotaryLayout layout)
    {
        var done = 0;
        if (VectorMath.IsSupported)
        {
            done = layout == RotaryLayout.HalfSplit
                ? RotateHalves(head, cosines, sines)
                : RotateInterleaved(head, cosines, sines);
        }
        RotateScalar(head, cosines, sines, layout, done);
    }

    private static void RotateScalar(
        Span<float> head, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines, RotaryLayout layout, int firstPair)
    {
        for (var i = firstPair; i < cosines.Length; i++)
        {
            var (first, second) = layout == RotaryLayout.HalfSplit ? (i, i + cosines.Length) : (2 * i, 2 * i + 1);
            var (a, b) = (head[first], head[second]);
            head[first] = a * cosines[i] - b * sines[i];
            head[second] = a * sines[i] + b * cosines[i];
        }
    }

    private static int RotateHalves(Span<float> head, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines)
    {
        var pairs = cosines.Length;
        ref var low = ref MemoryMarshal.GetReference(head);
        ref var high = ref Unsafe.Add(ref low, pairs);
        ref var cos = ref MemoryMarshal.GetReference(cosines);
        ref var sin = ref MemoryMarshal.GetReference(sines);
        var i = 0;
        for (; i <= pairs - 8; i += 8)
        {
            // Lanes are pairs i..i+7.
            var a = Vector256.LoadUnsafe(ref low, (nuint)i);
            var b = Vector256.LoadUnsafe(ref high, (nuint)i);
            var c = Vector256.LoadUnsafe(ref cos, (nuint)i);
            var s = Vector256.LoadUnsafe(ref sin, (nuint)i);
            Fma.MultiplySubtract(a, c, b * s).StoreUnsafe(ref low, (nuint)i);
            Fma.MultiplyAdd(a, s, b * c).StoreUnsafe(ref high, (nuint)i);
        }
        return i;
    }

    private static int RotateInterleaved(Span<float> head, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines)
    {
        ref var x = ref MemoryMarshal.GetReference(head);
        ref var cos = ref MemoryMarshal.GetReference(cosines);
        ref var sin = ref MemoryMarshal.GetReference(sines);
        var twice = Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3);
        var i = 0;
        for (; i <= cosines.Length - 4; i += 4)
        {
            // Lanes are a, b of pairs i..i+3; cosine and sine stand twice.
            var ab = Vector256.LoadUnsafe(ref x, (nuint)(2 * i));
            var ba = Avx.Permute(ab, 0b10_11_00_01);
            var c = Avx2.PermuteVar8x32(Vector128.LoadUnsafe(ref cos, (nuint)i).ToVector256Unsafe(), twice);
            var s = Avx2.PermuteVar8x32(Vector128.LoadUnsafe(ref sin, (nuint)i).ToVector256Unsafe(), twice);
            // Even lanes a c - b s, odd lanes b c + a s.
            Fma.MultiplyAddSubtract(ab, c, ba * s).StoreUnsafe(ref x, (nuint)(2 * i));
        }
        return i;
    }
}
