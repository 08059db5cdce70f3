using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Microbenchmarks;

/// <summary>Intel's ISA-L (Debian: libisal2) where the machine has it: the erasure code's peer.</summary>
internal static class IsaL
{
    private const string Library = "libisal.so.2";

    public static bool IsPresent { get; } = NativeLibrary.TryLoad(Library, out _);

    /// <summary>A code prepared as ISA-L's users do it: matrix and tables once, encodes many times.</summary>
    public static Action<NativeView[], NativeView[]> Encoder(int k, int m)
    {
        var matrix = new byte[(k + m) * k];
        var tables = new byte[32 * k * m];
        gf_gen_cauchy1_matrix(matrix, k + m, k);
        ec_init_tables(k, m, matrix[(k * k)..], tables);
        return (data, parity) => ec_encode_data(
            (int)data[0].Length, k, m, tables, [.. data.Select(AddressOf)], [.. parity.Select(AddressOf)]);
    }

    private static nint AddressOf(NativeView view) =>
        Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(view.AsSpan<byte>()));

    [DllImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void gf_gen_cauchy1_matrix(byte[] matrix, int rows, int columns);

    [DllImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void ec_init_tables(int columns, int rows, byte[] matrix, byte[] tables);

    [DllImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void ec_encode_data(int length, int columns, int rows, byte[] tables, nint[] data, nint[] parity);
}
