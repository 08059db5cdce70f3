using System.Runtime.CompilerServices;

namespace Fathom.Bpf.Execution;

/// <summary>Plain loads and stores at any alignment.</summary>
internal static unsafe class NativeAccess
{
    // SAFETY of every dereference here: the caller checked or proved that all bytes of the access are the program's.

    /// <summary>1, 2, 4 or 8 bytes, extended to 64 bits with zeros or the sign.</summary>
    public static ulong Load(ulong address, int bytes, bool isSigned) => (bytes, isSigned) switch
    {
        (1, false) => *(byte*)address,
        (2, false) => Unsafe.ReadUnaligned<ushort>((void*)address),
        (4, false) => Unsafe.ReadUnaligned<uint>((void*)address),
        (1, true) => (ulong)*(sbyte*)address,
        (2, true) => (ulong)Unsafe.ReadUnaligned<short>((void*)address),
        (4, true) => (ulong)Unsafe.ReadUnaligned<int>((void*)address),
        _ => Unsafe.ReadUnaligned<ulong>((void*)address),
    };

    /// <summary>The low 1, 2, 4 or 8 bytes of the value.</summary>
    public static void Store(ulong address, int bytes, ulong value)
    {
        switch (bytes)
        {
            case 1:
                *(byte*)address = (byte)value;
                break;
            case 2:
                Unsafe.WriteUnaligned((void*)address, (ushort)value);
                break;
            case 4:
                Unsafe.WriteUnaligned((void*)address, (uint)value);
                break;
            default:
                Unsafe.WriteUnaligned((void*)address, value);
                break;
        }
    }
}
