using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.ErasureCode;

/// <summary>Intel's ISA-L (Debian: libisal2), the oracle of the erasure code.</summary>
internal static unsafe partial class IsaL
{
    private const string Library = "libisal.so.2";

    public const string SkipReason = "libisal.so.2 is not on this machine (Debian: apt-get install libisal2).";

    public static bool IsPresent { get; } = NativeLibrary.TryLoad(Library, out _);

    public static void Encode(int k, int m, ReadOnlySpan<NativeView> data, ReadOnlySpan<NativeView> parity)
    {
        var matrix = new byte[(k + m) * k];
        var tables = new byte[32 * k * m];
        var from = stackalloc byte*[k];
        var to = stackalloc byte*[m];
        for (var i = 0; i < k; i++)
            from[i] = data[i].Pointer;
        for (var j = 0; j < m; j++)
            to[j] = parity[j].Pointer;
        fixed (byte* a = matrix, g = tables)
        {
            gf_gen_cauchy1_matrix(a, k + m, k);
            ec_init_tables(k, m, a + k * k, g);
            ec_encode_data(checked((int)data[0].Length), k, m, g, from, to);
        }
    }

    [LibraryImport(Library)]
    private static partial void gf_gen_cauchy1_matrix(byte* matrix, int rows, int columns);

    [LibraryImport(Library)]
    private static partial void ec_init_tables(int columns, int rows, byte* matrix, byte* tables);

    [LibraryImport(Library)]
    private static partial void ec_encode_data(int length, int columns, int rows, byte* tables, byte** data, byte** parity);
}
