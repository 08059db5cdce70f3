using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Fathom.FarMemory.ErasureCode;

/// <summary>One instruction set's way to multiply a vector of bytes by a coefficient; the product loop is written once over it.</summary>
/// <typeparam name="TVector">A vector of bytes.</typeparam>
/// <typeparam name="TSource">A vector made ready to be multiplied by several coefficients.</typeparam>
internal unsafe interface IGaloisLanes<TVector, TSource>
    where TVector : struct
    where TSource : struct
{
    static abstract bool IsSupported { get; }

    static abstract TVector Load(byte* address);

    static abstract void Store(byte* address, TVector value);

    static abstract TSource Prepare(TVector value);

    /// <summary>sum + source · the coefficient whose table entry stands at <paramref name="entry"/>.</summary>
    static abstract TVector MultiplyAdd(TVector sum, TSource source, byte* entry);
}

/// <summary>A vector split into low and high nibbles, each ready to index a table of 16.</summary>
internal readonly record struct Nibbles<TVector>(TVector Low, TVector High);

// SAFETY (all lanes): Load and Store touch exactly one vector at the address, MultiplyAdd one 64-byte table entry; the product
// loop keeps addresses inside the shards and calls a set only where IsSupported says the processor has it.

/// <summary>64 bytes; one affine instruction a product.</summary>
internal readonly unsafe struct Gfni512Lanes : IGaloisLanes<Vector512<byte>, Vector512<byte>>
{
    public static bool IsSupported => Gfni.V512.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(byte* address) => Vector512.Load(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector512<byte> value) => value.Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Prepare(Vector512<byte> value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> MultiplyAdd(Vector512<byte> sum, Vector512<byte> source, byte* entry)
    {
        var matrix = Vector512.Create(*(ulong*)(entry + CoefficientTables.BitMatrixOffset)).AsByte();
        return sum ^ Gfni.V512.GaloisFieldAffineTransform(source, matrix, 0);
    }
}

/// <summary>32 bytes; one affine instruction a product.</summary>
internal readonly unsafe struct Gfni256Lanes : IGaloisLanes<Vector256<byte>, Vector256<byte>>
{
    public static bool IsSupported => Gfni.V256.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* address) => Vector256.Load(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector256<byte> value) => value.Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Prepare(Vector256<byte> value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> MultiplyAdd(Vector256<byte> sum, Vector256<byte> source, byte* entry)
    {
        var matrix = Vector256.Create(*(ulong*)(entry + CoefficientTables.BitMatrixOffset)).AsByte();
        return sum ^ Gfni.V256.GaloisFieldAffineTransform(source, matrix, 0);
    }
}

/// <summary>64 bytes; two table shuffles a product.</summary>
internal readonly unsafe struct Avx512Lanes : IGaloisLanes<Vector512<byte>, Nibbles<Vector512<byte>>>
{
    public static bool IsSupported => Avx512BW.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(byte* address) => Vector512.Load(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector512<byte> value) => value.Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Nibbles<Vector512<byte>> Prepare(Vector512<byte> value)
    {
        var mask = Vector512.Create((byte)0x0F);
        return new(value & mask, (value.AsUInt16() >>> 4).AsByte() & mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> MultiplyAdd(Vector512<byte> sum, Nibbles<Vector512<byte>> source, byte* entry)
    {
        // The shuffle looks up within each 16 bytes, so every such part holds the same table.
        var low = Avx512F.BroadcastVector128ToVector512((uint*)entry).AsByte();
        var high = Avx512F.BroadcastVector128ToVector512((uint*)(entry + CoefficientTables.HighNibbleOffset)).AsByte();
        return Avx512F.TernaryLogic(
            sum, Avx512BW.Shuffle(low, source.Low), Avx512BW.Shuffle(high, source.High), 0x96); // a ^ b ^ c
    }
}

/// <summary>32 bytes; two table shuffles a product.</summary>
internal readonly unsafe struct Avx2Lanes : IGaloisLanes<Vector256<byte>, Nibbles<Vector256<byte>>>
{
    public static bool IsSupported => Avx2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* address) => Vector256.Load(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector256<byte> value) => value.Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Nibbles<Vector256<byte>> Prepare(Vector256<byte> value)
    {
        var mask = Vector256.Create((byte)0x0F);
        return new(value & mask, (value.AsUInt16() >>> 4).AsByte() & mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> MultiplyAdd(Vector256<byte> sum, Nibbles<Vector256<byte>> source, byte* entry)
    {
        var low = Avx.BroadcastVector128ToVector256((float*)entry).AsByte();
        var high = Avx.BroadcastVector128ToVector256((float*)(entry + CoefficientTables.HighNibbleOffset)).AsByte();
        return sum ^ (Avx2.Shuffle(low, source.Low) ^ Avx2.Shuffle(high, source.High));
    }
}

/// <summary>16 bytes, on Arm (TBL) and on x86 processors with SSSE3 only.</summary>
internal readonly unsafe struct Vector128Lanes : IGaloisLanes<Vector128<byte>, Nibbles<Vector128<byte>>>
{
    public static bool IsSupported => AdvSimd.Arm64.IsSupported || Ssse3.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* address) => Vector128.Load(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector128<byte> value) => value.Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Nibbles<Vector128<byte>> Prepare(Vector128<byte> value) =>
        new(value & Vector128.Create((byte)0x0F), value >>> 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> MultiplyAdd(Vector128<byte> sum, Nibbles<Vector128<byte>> source, byte* entry)
    {
        var low = Vector128.Load(entry);
        var high = Vector128.Load(entry + CoefficientTables.HighNibbleOffset);
        // Indexes are below 16, where TBL and PSHUFB agree.
        return AdvSimd.Arm64.IsSupported
            ? sum ^ AdvSimd.Arm64.VectorTableLookup(low, source.Low) ^ AdvSimd.Arm64.VectorTableLookup(high, source.High)
            : sum ^ Ssse3.Shuffle(low, source.Low) ^ Ssse3.Shuffle(high, source.High);
    }
}
