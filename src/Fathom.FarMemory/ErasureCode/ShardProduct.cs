using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Fathom.FarMemory.ErasureCode;

/// <summary>The instruction sets a product of shards can run on; the best one the processor has is taken unless one is named.</summary>
public enum ShardProductPath
{
    /// <summary>One byte at a time: the twin that the others are compared with.</summary>
    Scalar,

    /// <summary>16 bytes: Arm's AdvSimd or x86's SSSE3.</summary>
    Vector128,

    /// <summary>32 bytes, two shuffles a product.</summary>
    Avx2,

    /// <summary>64 bytes, two shuffles a product.</summary>
    Avx512,

    /// <summary>32 bytes, one affine instruction a product.</summary>
    Gfni256,

    /// <summary>64 bytes, one affine instruction a product.</summary>
    Gfni512,
}

/// <summary>Sums of shards times coefficients: out_r[b] (+)= Σ_s c(r,s)·in_s[b], for one or two rows at once.</summary>
internal static unsafe class ShardProduct
{
    public static ShardProductPath Best { get; } =
        Gfni512Lanes.IsSupported ? ShardProductPath.Gfni512
        : Gfni256Lanes.IsSupported ? ShardProductPath.Gfni256
        : Avx512Lanes.IsSupported ? ShardProductPath.Avx512
        : Avx2Lanes.IsSupported ? ShardProductPath.Avx2
        : Vector128Lanes.IsSupported ? ShardProductPath.Vector128
        : ShardProductPath.Scalar;

    public static bool IsSupported(ShardProductPath path) => path switch
    {
        ShardProductPath.Scalar => true,
        ShardProductPath.Vector128 => Vector128Lanes.IsSupported,
        ShardProductPath.Avx2 => Avx2Lanes.IsSupported,
        ShardProductPath.Avx512 => Avx512Lanes.IsSupported,
        ShardProductPath.Gfni256 => Gfni256Lanes.IsSupported,
        ShardProductPath.Gfni512 => Gfni512Lanes.IsSupported,
        _ => false,
    };

    /// <summary>Computes <paramref name="rows"/> sums over <paramref name="sourceCount"/> shards, two rows a pass over the sources.</summary>
    /// <param name="path">An instruction set that the processor has.</param>
    /// <param name="tables">Entries of <see cref="CoefficientTables"/>, row-major [rows, sourceCount].</param>
    /// <param name="sources">Shards of at least <paramref name="lengthBytes"/>.</param>
    /// <param name="sourceCount">Number of sources.</param>
    /// <param name="outputs">Shards of at least <paramref name="lengthBytes"/>; overlap with sources only when accumulating is not asked and equal.</param>
    /// <param name="rows">Number of outputs.</param>
    /// <param name="lengthBytes">Bytes of each shard to work on.</param>
    /// <param name="accumulate">Adds to what the outputs hold, instead of replacing it.</param>
    public static void Compute(
        ShardProductPath path, byte* tables, byte** sources, int sourceCount, byte** outputs, int rows, nint lengthBytes, bool accumulate)
    {
        for (var row = 0; row < rows; row += 2)
        {
            var first = outputs[row];
            var second = row + 1 < rows ? outputs[row + 1] : null;
            var entries = tables + (nint)row * sourceCount * CoefficientTables.EntryBytes;
            nint done = path switch
            {
                ShardProductPath.Gfni512 =>
                    Rows<Gfni512Lanes, Vector512<byte>, Vector512<byte>>(entries, sources, sourceCount, first, second, lengthBytes, accumulate),
                ShardProductPath.Gfni256 =>
                    Rows<Gfni256Lanes, Vector256<byte>, Vector256<byte>>(entries, sources, sourceCount, first, second, lengthBytes, accumulate),
                ShardProductPath.Avx512 =>
                    Rows<Avx512Lanes, Vector512<byte>, Nibbles<Vector512<byte>>>(entries, sources, sourceCount, first, second, lengthBytes, accumulate),
                ShardProductPath.Avx2 =>
                    Rows<Avx2Lanes, Vector256<byte>, Nibbles<Vector256<byte>>>(entries, sources, sourceCount, first, second, lengthBytes, accumulate),
                ShardProductPath.Vector128 =>
                    Rows<Vector128Lanes, Vector128<byte>, Nibbles<Vector128<byte>>>(entries, sources, sourceCount, first, second, lengthBytes, accumulate),
                _ => 0,
            };
            Bytewise(entries, sources, sourceCount, first, done, lengthBytes, accumulate);
            if (second is not null)
                Bytewise(entries + (nint)sourceCount * CoefficientTables.EntryBytes, sources, sourceCount, second, done, lengthBytes, accumulate);
        }
    }

    private static nint Rows<TLanes, TVector, TSource>(
        byte* entries, byte** sources, int sourceCount, byte* first, byte* second, nint length, bool accumulate)
        where TLanes : struct, IGaloisLanes<TVector, TSource>
        where TVector : struct
        where TSource : struct
        => second is null
            ? OneRow<TLanes, TVector, TSource>(entries, sources, sourceCount, first, length, accumulate)
            : TwoRows<TLanes, TVector, TSource>(entries, sources, sourceCount, first, second, length, accumulate);

    /// <summary>Four vectors of two rows a step: each source vector is loaded once for both rows. Returns the bytes done.</summary>
    private static nint TwoRows<TLanes, TVector, TSource>(
        byte* entries, byte** sources, int sourceCount, byte* first, byte* second, nint length, bool accumulate)
        where TLanes : struct, IGaloisLanes<TVector, TSource>
        where TVector : struct
        where TSource : struct
    {
        nint width = Unsafe.SizeOf<TVector>();
        nint secondRow = (nint)sourceCount * CoefficientTables.EntryBytes;
        nint offset = 0;
        // SAFETY: every load and store ends at or before offset + 4·width (or + width below) <= length of each shard.
        for (; offset <= length - 4 * width; offset += 4 * width)
        {
            TVector a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            if (accumulate)
            {
                a0 = TLanes.Load(first + offset);
                a1 = TLanes.Load(first + offset + width);
                a2 = TLanes.Load(first + offset + 2 * width);
                a3 = TLanes.Load(first + offset + 3 * width);
                b0 = TLanes.Load(second + offset);
                b1 = TLanes.Load(second + offset + width);
                b2 = TLanes.Load(second + offset + 2 * width);
                b3 = TLanes.Load(second + offset + 3 * width);
            }
            var entry = entries;
            for (var s = 0; s < sourceCount; s++, entry += CoefficientTables.EntryBytes)
            {
                var source = sources[s] + offset;
                var x0 = TLanes.Prepare(TLanes.Load(source));
                a0 = TLanes.MultiplyAdd(a0, x0, entry);
                b0 = TLanes.MultiplyAdd(b0, x0, entry + secondRow);
                var x1 = TLanes.Prepare(TLanes.Load(source + width));
                a1 = TLanes.MultiplyAdd(a1, x1, entry);
                b1 = TLanes.MultiplyAdd(b1, x1, entry + secondRow);
                var x2 = TLanes.Prepare(TLanes.Load(source + 2 * width));
                a2 = TLanes.MultiplyAdd(a2, x2, entry);
                b2 = TLanes.MultiplyAdd(b2, x2, entry + secondRow);
                var x3 = TLanes.Prepare(TLanes.Load(source + 3 * width));
                a3 = TLanes.MultiplyAdd(a3, x3, entry);
                b3 = TLanes.MultiplyAdd(b3, x3, entry + secondRow);
            }
            TLanes.Store(first + offset, a0);
            TLanes.Store(first + offset + width, a1);
            TLanes.Store(first + offset + 2 * width, a2);
            TLanes.Store(first + offset + 3 * width, a3);
            TLanes.Store(second + offset, b0);
            TLanes.Store(second + offset + width, b1);
            TLanes.Store(second + offset + 2 * width, b2);
            TLanes.Store(second + offset + 3 * width, b3);
        }
        for (; offset <= length - width; offset += width)
        {
            TVector a = default, b = default;
            if (accumulate)
            {
                a = TLanes.Load(first + offset);
                b = TLanes.Load(second + offset);
            }
            var entry = entries;
            for (var s = 0; s < sourceCount; s++, entry += CoefficientTables.EntryBytes)
            {
                var x = TLanes.Prepare(TLanes.Load(sources[s] + offset));
                a = TLanes.MultiplyAdd(a, x, entry);
                b = TLanes.MultiplyAdd(b, x, entry + secondRow);
            }
            TLanes.Store(first + offset, a);
            TLanes.Store(second + offset, b);
        }
        return offset;
    }

    /// <summary>Four vectors of one row a step. Returns the bytes done.</summary>
    private static nint OneRow<TLanes, TVector, TSource>(
        byte* entries, byte** sources, int sourceCount, byte* output, nint length, bool accumulate)
        where TLanes : struct, IGaloisLanes<TVector, TSource>
        where TVector : struct
        where TSource : struct
    {
        nint width = Unsafe.SizeOf<TVector>();
        nint offset = 0;
        // SAFETY: as in TwoRows.
        for (; offset <= length - 4 * width; offset += 4 * width)
        {
            TVector a0 = default, a1 = default, a2 = default, a3 = default;
            if (accumulate)
            {
                a0 = TLanes.Load(output + offset);
                a1 = TLanes.Load(output + offset + width);
                a2 = TLanes.Load(output + offset + 2 * width);
                a3 = TLanes.Load(output + offset + 3 * width);
            }
            var entry = entries;
            for (var s = 0; s < sourceCount; s++, entry += CoefficientTables.EntryBytes)
            {
                var source = sources[s] + offset;
                a0 = TLanes.MultiplyAdd(a0, TLanes.Prepare(TLanes.Load(source)), entry);
                a1 = TLanes.MultiplyAdd(a1, TLanes.Prepare(TLanes.Load(source + width)), entry);
                a2 = TLanes.MultiplyAdd(a2, TLanes.Prepare(TLanes.Load(source + 2 * width)), entry);
                a3 = TLanes.MultiplyAdd(a3, TLanes.Prepare(TLanes.Load(source + 3 * width)), entry);
            }
            TLanes.Store(output + offset, a0);
            TLanes.Store(output + offset + width, a1);
            TLanes.Store(output + offset + 2 * width, a2);
            TLanes.Store(output + offset + 3 * width, a3);
        }
        for (; offset <= length - width; offset += width)
        {
            var a = accumulate ? TLanes.Load(output + offset) : default;
            var entry = entries;
            for (var s = 0; s < sourceCount; s++, entry += CoefficientTables.EntryBytes)
                a = TLanes.MultiplyAdd(a, TLanes.Prepare(TLanes.Load(sources[s] + offset)), entry);
            TLanes.Store(output + offset, a);
        }
        return offset;
    }

    /// <summary>The scalar twin, and the tail shorter than one vector.</summary>
    private static void Bytewise(
        byte* entries, byte** sources, int sourceCount, byte* output, nint from, nint length, bool accumulate)
    {
        // SAFETY: offset stays below the length of each shard; nibbles index the two tables of 16 of an entry.
        for (var offset = from; offset < length; offset++)
        {
            var sum = accumulate ? output[offset] : (byte)0;
            var entry = entries;
            for (var s = 0; s < sourceCount; s++, entry += CoefficientTables.EntryBytes)
            {
                var x = sources[s][offset];
                sum ^= (byte)(entry[x & 0x0F] ^ entry[CoefficientTables.HighNibbleOffset + (x >> 4)]);
            }
            output[offset] = sum;
        }
    }
}
