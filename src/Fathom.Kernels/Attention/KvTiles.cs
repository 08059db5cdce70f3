using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Attention;

/// <summary>Reads the keys or values of a tile as singles in the tile's own shape.</summary>
internal static unsafe class KvTiles
{
    // SAFETY (all methods): the tile has layout.TileBytes; target has room for 16 · max(headDim, valueStride) floats.

    /// <summary>Keys [headDim][16]; F16 ones lowered (times 2^-112). F32 ones are returned where they are.</summary>
    public static float* Keys(in KvLayout layout, byte* tile, float* target)
    {
        switch (layout.Type)
        {
            case KvType.F32:
                return (float*)tile;
            case KvType.F16:
                LowerHalves((short*)tile, layout.HeadDim * KvLayout.BlockTokens, target);
                return target;
        }
        var bytes = (sbyte*)tile;
        var scales = (short*)(tile + layout.KeyScaleOffset);
        for (var group = 0; group < layout.Groups; group++)
        {
            // Lanes are tokens. Scale times byte has 19 significant bits at most: exact.
            var low = HalfLanes.Load8(scales + group * KvLayout.BlockTokens);
            var high = HalfLanes.Load8(scales + group * KvLayout.BlockTokens + 8);
            var end = Math.Min(layout.HeadDim, (group + 1) * KvLayout.GroupDims);
            for (var d = group * KvLayout.GroupDims; d < end; d++)
            {
                (Widen(bytes + d * 16) * low).Store(target + d * 16);
                (Widen(bytes + d * 16 + 8) * high).Store(target + d * 16 + 8);
            }
        }
        return target;
    }

    /// <summary>Values [16][valueStride] of tokens begin..end-1; F16 ones lowered. F32 ones are returned where they are.</summary>
    public static float* Values(in KvLayout layout, byte* tile, float* target, int begin, int end)
    {
        var stride = layout.ValueStride;
        switch (layout.Type)
        {
            case KvType.F32:
                return (float*)(tile + layout.ValueOffset);
            case KvType.F16:
                LowerHalves((short*)(tile + layout.ValueOffset) + begin * stride, (end - begin) * stride, target + begin * stride);
                return target;
        }
        var bytes = (sbyte*)(tile + layout.ValueOffset);
        // Scales lie [16 tokens][groups]: a multiple of 16 halves, 512 for the largest head.
        var scaleCount = KvLayout.BlockTokens * layout.Groups;
        var scales = stackalloc float[scaleCount];
        var halves = (short*)(tile + layout.ValueScaleOffset);
        for (var i = 0; i < scaleCount; i += 8)
            HalfLanes.Load8(halves + i).Store(scales + i);
        for (var t = begin; t < end; t++)
        {
            for (var d = 0; d < stride; d += 16)
            {
                var scale = Vector256.Create(scales[t * layout.Groups + d / KvLayout.GroupDims]);
                (Widen(bytes + t * stride + d) * scale).Store(target + t * stride + d);
                (Widen(bytes + t * stride + d + 8) * scale).Store(target + t * stride + d + 8);
            }
        }
        return target;
    }

    /// <summary>Scalar twin of <see cref="Keys"/>; F16 keys are not lowered.</summary>
    public static float* KeysScalar(in KvLayout layout, byte* tile, float* target)
    {
        if (layout.Type == KvType.F32)
            return (float*)tile;
        for (var d = 0; d < layout.HeadDim; d++)
        {
            for (var t = 0; t < KvLayout.BlockTokens; t++)
            {
                var i = d * KvLayout.BlockTokens + t;
                target[i] = layout.Type == KvType.F16
                    ? Half(tile, i)
                    : ((sbyte*)tile)[i] * Half(tile + layout.KeyScaleOffset, d / KvLayout.GroupDims * KvLayout.BlockTokens + t);
            }
        }
        return target;
    }

    /// <summary>Scalar twin of <see cref="Values"/>; F16 values are not lowered.</summary>
    public static float* ValuesScalar(in KvLayout layout, byte* tile, float* target, int begin, int end)
    {
        var values = tile + layout.ValueOffset;
        if (layout.Type == KvType.F32)
            return (float*)values;
        for (var t = begin; t < end; t++)
        {
            for (var d = 0; d < layout.HeadDim; d++)
            {
                var i = t * layout.ValueStride + d;
                target[i] = layout.Type == KvType.F16
                    ? Half(values, i)
                    : ((sbyte*)values)[i] * Half(tile + layout.ValueScaleOffset, t * layout.Groups + d / KvLayout.GroupDims);
            }
        }
        return target;
    }

    private static float Half(byte* halves, int index) => (float)BitConverter.UInt16BitsToHalf(((ushort*)halves)[index]);

    private static void LowerHalves(short* source, int count, float* target)
    {
        // Counts are multiples of 16: sixteen tokens, or a padded stride.
        for (var i = 0; i < count; i += 16)
        {
            HalfLanes.Lowered(Vector128.Load(source + i)).Store(target + i);
            HalfLanes.Lowered(Vector128.Load(source + i + 8)).Store(target + i + 8);
        }
    }

    private static Vector256<float> Widen(sbyte* bytes) => Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(bytes));
}
