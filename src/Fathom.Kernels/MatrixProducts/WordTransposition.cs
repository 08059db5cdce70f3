using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Turns rows of 16-bit words into panels, where a word of 16 rows lies together.</summary>
internal static unsafe class WordTransposition
{
    /// <summary>target[word, row] = source[row, word] for 16 words of up to 16 rows.</summary>
    public static void Rows16(byte* source, long rowBytes, int rows, short* target)
    {
        if (rows < 16 || !Sse2.IsSupported)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var word = 0; word < 16; word++)
                    target[word * 16 + row] = ((short*)(source + row * rowBytes))[word];
            }
            return;
        }
        Square8(source, rowBytes, target);
        Square8(source + 16, rowBytes, target + 8 * 16);
        Square8(source + 8 * rowBytes, rowBytes, target + 8);
        Square8(source + 8 * rowBytes + 16, rowBytes, target + 8 * 16 + 8);
    }

    /// <summary>Eight words of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Square8(byte* source, long rowBytes, short* target)
    {
        var r0 = Vector128.Load((short*)source);
        var r1 = Vector128.Load((short*)(source + rowBytes));
        var r2 = Vector128.Load((short*)(source + 2 * rowBytes));
        var r3 = Vector128.Load((short*)(source + 3 * rowBytes));
        var r4 = Vector128.Load((short*)(source + 4 * rowBytes));
        var r5 = Vector128.Load((short*)(source + 5 * rowBytes));
        var r6 = Vector128.Load((short*)(source + 6 * rowBytes));
        var r7 = Vector128.Load((short*)(source + 7 * rowBytes));
        // Pairs of rows word by word, then pairs of pairs, then all eight.
        var p01l = Sse2.UnpackLow(r0, r1).AsInt32();
        var p01h = Sse2.UnpackHigh(r0, r1).AsInt32();
        var p23l = Sse2.UnpackLow(r2, r3).AsInt32();
        var p23h = Sse2.UnpackHigh(r2, r3).AsInt32();
        var p45l = Sse2.UnpackLow(r4, r5).AsInt32();
        var p45h = Sse2.UnpackHigh(r4, r5).AsInt32();
        var p67l = Sse2.UnpackLow(r6, r7).AsInt32();
        var p67h = Sse2.UnpackHigh(r6, r7).AsInt32();
        Store2(Sse2.UnpackLow(p01l, p23l), Sse2.UnpackLow(p45l, p67l), target);
        Store2(Sse2.UnpackHigh(p01l, p23l), Sse2.UnpackHigh(p45l, p67l), target + 2 * 16);
        Store2(Sse2.UnpackLow(p01h, p23h), Sse2.UnpackLow(p45h, p67h), target + 4 * 16);
        Store2(Sse2.UnpackHigh(p01h, p23h), Sse2.UnpackHigh(p45h, p67h), target + 6 * 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store2(Vector128<int> rows0123, Vector128<int> rows4567, short* target)
    {
        Sse2.UnpackLow(rows0123.AsInt64(), rows4567.AsInt64()).Store((long*)target);
        Sse2.UnpackHigh(rows0123.AsInt64(), rows4567.AsInt64()).Store((long*)(target + 16));
    }
}
