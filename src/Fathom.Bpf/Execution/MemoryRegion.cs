namespace Fathom.Bpf.Execution;

/// <summary>Memory that an unverified program may touch.</summary>
/// <param name="Start">First address.</param>
/// <param name="Bytes">Length.</param>
/// <param name="IsWritable">Stores are allowed.</param>
internal readonly record struct MemoryRegion(ulong Start, ulong Bytes, bool IsWritable)
{
    /// <summary>Whether all of the access lies inside. No arithmetic wraps: the first comparison bounds the subtraction.</summary>
    public bool Holds(ulong address, ulong accessBytes) => address >= Start && accessBytes <= Bytes && address - Start <= Bytes - accessBytes;
}
