using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Attention;

/// <summary>Writes one token's key and value of one head into a tile.</summary>
internal static unsafe class KvRows
{
    // SAFETY (all methods): the tile has layout.TileBytes, slot < 16 and row points to layout.HeadDim floats.

    /// <summary>Stores key and value of the token at <paramref name="slot"/>.</summary>
    public static void Store(in KvLayout layout, byte* tile, int slot, float* key, float* value, bool vectors)
    {
        switch (layout.Type)
        {
            case KvType.F32:
                StoreSingles(layout, tile, slot, key, value);
                break;
            case KvType.F16:
                StoreHalves(layout, tile, slot, key, value, vectors);
                break;
            default:
                StoreBytes(layout, tile, slot, key, value, vectors);
                break;
        }
    }

    private static void StoreSingles(in KvLayout layout, byte* tile, int slot, float* key, float* value)
    {
        var keys = (float*)tile + slot;
        for (var d = 0; d < layout.HeadDim; d++)
            keys[d * KvLayout.BlockTokens] = key[d];
        new ReadOnlySpan<float>(value, layout.HeadDim)
            .CopyTo(new Span<float>((float*)(tile + layout.ValueOffset) + slot * layout.ValueStride, layout.HeadDim));
    }

    private static void StoreHalves(in KvLayout layout, byte* tile, int slot, float* key, float* value, bool vectors)
    {
        var keys = (ushort*)tile + slot;
        var values = (ushort*)(tile + layout.ValueOffset) + slot * layout.ValueStride;
        var d = 0;
        if (vectors)
        {
            for (; d <= layout.HeadDim - 8; d += 8)
            {
                var column = HalfLanes.FromSingle(Vector256.Load(key + d));
                for (var i = 0; i < 8; i++)
                    keys[(d + i) * KvLayout.BlockTokens] = column[i];
                HalfLanes.FromSingle(Vector256.Load(value + d)).Store(values + d);
            }
        }
        for (; d < layout.HeadDim; d++)
        {
            keys[d * KvLayout.BlockTokens] = SaturatedHalf(key[d]);
            values[d] = SaturatedHalf(value[d]);
        }
    }

    private static void StoreBytes(in KvLayout layout, byte* tile, int slot, float* key, float* value, bool vectors)
    {
        var keys = (sbyte*)tile + slot;
        var keyScales = (ushort*)(tile + layout.KeyScaleOffset) + slot;
        var values = (sbyte*)(tile + layout.ValueOffset) + slot * layout.ValueStride;
        var valueScales = (ushort*)(tile + layout.ValueScaleOffset) + slot * layout.Groups;
        var quantised = stackalloc sbyte[KvLayout.GroupDims];
        for (var g = 0; g < layout.Groups; g++)
        {
            var first = g * KvLayout.GroupDims;
            var count = Math.Min(KvLayout.GroupDims, layout.HeadDim - first);
            keyScales[g * KvLayout.BlockTokens] = QuantiseGroup(key + first, count, quantised, vectors);
            for (var i = 0; i < count; i++)
                keys[(first + i) * KvLayout.BlockTokens] = quantised[i];
            valueScales[g] = QuantiseGroup(value + first, count, values + first, vectors);
        }
    }

    /// <summary>q = round(x / scale) with scale = max|x| / 127 as a half. Returns the half's bits.</summary>
    private static ushort QuantiseGroup(float* x, int count, sbyte* q, bool vectors)
    {
        if (vectors && count == KvLayout.GroupDims)
            return QuantiseWholeGroup(x, q);
        var max = 0.0f;
        for (var i = 0; i < count; i++)
            max = MathF.Max(max, MathF.Abs(x[i]));
        var bits = SaturatedHalf(max / 127);
        var scale = (float)BitConverter.UInt16BitsToHalf(bits);
        // A group too small for a half's scale is zero.
        var inverse = scale > 0 ? 1 / scale : 0;
        for (var i = 0; i < count; i++)
            q[i] = (sbyte)Math.Clamp(MathF.Round(x[i] * inverse), -127, 127);
        return bits;
    }

    private static ushort QuantiseWholeGroup(float* x, sbyte* q)
    {
        Vector256<float> x0 = Vector256.Load(x), x1 = Vector256.Load(x + 8);
        Vector256<float> x2 = Vector256.Load(x + 16), x3 = Vector256.Load(x + 24);
        var largest = Avx.Max(Avx.Max(Vector256.Abs(x0), Vector256.Abs(x1)), Avx.Max(Vector256.Abs(x2), Vector256.Abs(x3)));
        var bits = SaturatedHalf(VectorMath.Max(largest) / 127);
        var scale = (float)BitConverter.UInt16BitsToHalf(bits);
        var inverse = Vector256.Create(scale > 0 ? 1 / scale : 0);
        // Packing works within 128-bit halves; the permutation puts the groups of four bytes back in order.
        var low = Avx2.PackSignedSaturate(Rounded(x0, inverse), Rounded(x1, inverse));
        var high = Avx2.PackSignedSaturate(Rounded(x2, inverse), Rounded(x3, inverse));
        var packed = Avx2.PackSignedSaturate(low, high).AsInt32();
        Avx2.PermuteVar8x32(packed, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte().Store(q);
        return bits;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Rounded(Vector256<float> x, Vector256<float> inverse)
    {
        var limit = Vector256.Create(127.0f);
        return Avx.ConvertToVector256Int32(Avx.Min(limit, Avx.Max(-limit, x * inverse)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort SaturatedHalf(float x)
    {
        var clamped = float.IsNaN(x) ? 65504 : Math.Clamp(x, -65504, 65504);
        return BitConverter.HalfToUInt16Bits((Half)clamped);
    }
}
