using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Attention;

/// <summary>Reads the keys or values of a tile as singles in the tile's own shape; asks memory for as many bytes from ahead on.</summary>
internal static unsafe class KvTiles
{
    // SAFETY (all methods): the tile has layout.TileBytes; target has room for 16 · max(headDim, valueStride) floats.

    /// <summary>Keys [headDim][16]; F16 ones lowered (times 2^-112). F32 ones are returned where they are.</summary>
    public static float* Keys<TSixteen>(in KvLayout layout, byte* tile, byte* ahead, float* target)
        where TSixteen : struct, ISixteen<TSixteen>
    {
        switch (layout.Type)
        {
            case KvType.F32:
                return (float*)tile;
            case KvType.F16:
                LowerHalves<TSixteen>((short*)tile, ahead, layout.HeadDim * KvLayout.BlockTokens, target);
                return target;
        }
        var bytes = (sbyte*)tile;
        var scales = (short*)(tile + layout.KeyScaleOffset);
        for (var group = 0; group < layout.Groups; group++)
        {
            // Lanes are tokens. Scale times byte has 19 significant bits at most: exact.
            var scale = TSixteen.LoadLowered(scales + group * KvLayout.BlockTokens) * TSixteen.Create(HalfLanes.Raise);
            nint end = Math.Min(layout.HeadDim, (group + 1) * KvLayout.GroupDims);
            for (nint d = group * KvLayout.GroupDims; d < end; d++)
            {
                Ask(ahead + d * 16);
                (TSixteen.LoadBytes(bytes + d * 16) * scale).Store(target + d * 16);
            }
        }
        return target;
    }

    /// <summary>Values [16][valueStride] of tokens begin..end-1; F16 ones lowered. F32 ones are returned where they are.</summary>
    public static float* Values<TSixteen>(in KvLayout layout, byte* tile, byte* ahead, float* target, int begin, int end)
        where TSixteen : struct, ISixteen<TSixteen>
    {
        var stride = layout.ValueStride;
        switch (layout.Type)
        {
            case KvType.F32:
                return (float*)(tile + layout.ValueOffset);
            case KvType.F16:
                LowerHalves<TSixteen>(
                    (short*)(tile + layout.ValueOffset) + begin * stride, ahead, (end - begin) * stride, target + begin * stride);
                return target;
        }
        var bytes = (sbyte*)(tile + layout.ValueOffset);
        // Scales lie [16 tokens][groups]: a multiple of 16 halves, 512 for the largest head.
        var groups = layout.Groups;
        var scaleCount = KvLayout.BlockTokens * groups;
        var scales = stackalloc float[scaleCount];
        var halves = (short*)(tile + layout.ValueScaleOffset);
        for (var i = 0; i < scaleCount; i += 16)
            (TSixteen.LoadLowered(halves + i) * TSixteen.Create(HalfLanes.Raise)).Store(scales + i);
        for (nint t = begin; t < end; t++)
        {
            for (nint group = 0; group < groups; group++)
            {
                var scale = TSixteen.Create(scales[t * groups + group]);
                nint groupEnd = t * stride + Math.Min(stride, ((int)group + 1) * KvLayout.GroupDims);
                for (var i = t * stride + group * KvLayout.GroupDims; i < groupEnd; i += 16)
                {
                    Ask(ahead + i);
                    (TSixteen.LoadBytes(bytes + i) * scale).Store(target + i);
                }
            }
        }
        return target;
    }

    /// <summary>Scalar twin of <see cref="Keys{TSixteen}"/>; F16 keys are not lowered.</summary>
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

    /// <summary>Scalar twin of <see cref="Values{TSixteen}"/>; F16 values are not lowered.</summary>
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

    /// <summary>Asks memory for a line, into L2: the tiles' strides are powers of two, so that in L1 those ahead would push out the one in use.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ask(byte* line)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(line);
    }

    private static float Half(byte* halves, int index) => (float)BitConverter.UInt16BitsToHalf(((ushort*)halves)[index]);

    private static void LowerHalves<TSixteen>(short* source, byte* ahead, nint count, float* target)
        where TSixteen : struct, ISixteen<TSixteen>
    {
        // Counts are multiples of 16: sixteen tokens, or a padded stride.
        for (nint i = 0; i < count; i += 16)
        {
            Ask(ahead + 2 * i);
            TSixteen.LoadLowered(source + i).Store(target + i);
        }
    }
}
