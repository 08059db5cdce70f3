using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Fathom.Kernels.Activations;

/// <summary>A function of one value, as scalar and on eight lanes.</summary>
internal interface IUnaryOperator
{
    float Invoke(float x);

    Vector256<float> Invoke(Vector256<float> x);
}

/// <summary>A function of two values, as scalar and on eight lanes.</summary>
internal interface IBinaryOperator
{
    float Invoke(float x, float y);

    Vector256<float> Invoke(Vector256<float> x, Vector256<float> y);
}

/// <summary>Loops that apply an operator to every element.</summary>
/// <remarks>
/// The last, partial vector goes through the same lanes as the others, so an element's bits depend on its value alone and
/// not on its distance from the end.
/// </remarks>
internal static class Elementwise
{
    /// <summary>y[i] = op(x[i]); y may be exactly x.</summary>
    public static void Map<TOperator>(TOperator op, ReadOnlySpan<float> x, Span<float> y)
        where TOperator : struct, IUnaryOperator
    {
        if (x.Length != y.Length)
            throw new ArgumentException($"{x.Length} values cannot be mapped to {y.Length}.", nameof(y));
        if (!VectorMath.IsSupported)
        {
            MapScalar(op, x, y);
            return;
        }
        ref var source = ref MemoryMarshal.GetReference(x);
        ref var target = ref MemoryMarshal.GetReference(y);
        var whole = x.Length & ~7;
        for (var i = 0; i < whole; i += 8)
            op.Invoke(Vector256.LoadUnsafe(ref source, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
        if (whole < x.Length)
            StorePartial(op.Invoke(LoadPartial(x[whole..])), y[whole..]);
    }

    /// <summary>z[i] = op(x[i], y[i]); z may be exactly x or y.</summary>
    public static void Map<TOperator>(TOperator op, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z)
        where TOperator : struct, IBinaryOperator
    {
        if (x.Length != y.Length || x.Length != z.Length)
            throw new ArgumentException($"Lengths {x.Length}, {y.Length} and {z.Length} differ.", nameof(z));
        if (!VectorMath.IsSupported)
        {
            MapScalar(op, x, y, z);
            return;
        }
        ref var left = ref MemoryMarshal.GetReference(x);
        ref var right = ref MemoryMarshal.GetReference(y);
        ref var target = ref MemoryMarshal.GetReference(z);
        var whole = x.Length & ~7;
        for (var i = 0; i < whole; i += 8)
        {
            op.Invoke(Vector256.LoadUnsafe(ref left, (nuint)i), Vector256.LoadUnsafe(ref right, (nuint)i))
                .StoreUnsafe(ref target, (nuint)i);
        }
        if (whole < x.Length)
            StorePartial(op.Invoke(LoadPartial(x[whole..]), LoadPartial(y[whole..])), z[whole..]);
    }

    /// <summary>Scalar twin of the unary map.</summary>
    public static void MapScalar<TOperator>(TOperator op, ReadOnlySpan<float> x, Span<float> y)
        where TOperator : struct, IUnaryOperator
    {
        for (var i = 0; i < x.Length; i++)
            y[i] = op.Invoke(x[i]);
    }

    /// <summary>Scalar twin of the binary map.</summary>
    public static void MapScalar<TOperator>(TOperator op, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z)
        where TOperator : struct, IBinaryOperator
    {
        for (var i = 0; i < x.Length; i++)
            z[i] = op.Invoke(x[i], y[i]);
    }

    /// <summary>Fewer than eight values in the low lanes, zero above.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector256<float> LoadPartial(ReadOnlySpan<float> x)
    {
        Span<float> lanes = stackalloc float[8];
        lanes.Clear();
        x.CopyTo(lanes);
        return Vector256.Create<float>(lanes);
    }

    /// <summary>Stores as many low lanes as <paramref name="y"/> is long.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePartial(Vector256<float> value, Span<float> y)
    {
        Span<float> lanes = stackalloc float[8];
        value.CopyTo(lanes);
        lanes[..y.Length].CopyTo(y);
    }
}
