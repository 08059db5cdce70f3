using System.Runtime.InteropServices;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>Direct reads want aligned memory, which arrays are not.</summary>
internal static class Alignment
{
    /// <summary>Index of the first byte of a pinned array whose address is a multiple.</summary>
    public static int FirstAligned(byte[] pinned, int alignment) =>
        (int)((alignment - (Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0) % alignment)) % alignment);
}
