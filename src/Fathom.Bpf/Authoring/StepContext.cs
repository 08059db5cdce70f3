using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Bpf.Authoring;

/// <summary>struct fathom_context of functions/fathom_storage.h, for storage functions in C#.</summary>
/// <remarks>The compiler reads the offsets of these fields, and compiles the methods that have no kfunc behind them like any other.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 224)]
public struct StepContext
{
    /// <summary>Reads that one step can ask for.</summary>
    public const uint ReadsMax = 16;

    [FieldOffset(0)]
    private ulong _nextOffset;

    [FieldOffset(128)]
    private uint _nextSize;

    /// <summary>File offset of the block just read. Read-only to a step.</summary>
    [FieldOffset(192)]
    public ulong Offset;

    /// <summary>Bytes read. Read-only to a step.</summary>
    [FieldOffset(200)]
    public uint Size;

    /// <summary>Bytes of scratch memory. Read-only to a step.</summary>
    [FieldOffset(204)]
    public uint ScratchSize;

    /// <summary>0 for the first read of a chain. Read-only to a step.</summary>
    [FieldOffset(208)]
    public uint Hop;

    /// <summary>Other reads of this chain that are still in flight. Read-only to a step.</summary>
    [FieldOffset(212)]
    public uint ReadsPending;

    /// <summary>1 ends the chain well.</summary>
    [FieldOffset(216)]
    public uint Done;

#pragma warning disable CA1822 // As members of the context these read like the kernel's calls, which take it.
    /// <summary>The block just read, from <paramref name="offset"/> on; a null reference when fewer bytes than a <typeparamref name="T"/> were read there.</summary>
    /// <param name="offset">Bytes into the block.</param>
    [Kfunc("fathom_data")]
    public readonly ref readonly T Data<T>(uint offset)
        where T : unmanaged => ref DirectStep.Data<T>(offset);

    /// <summary>The scratch memory, from <paramref name="offset"/> on; a null reference when it has no <typeparamref name="T"/> there.</summary>
    /// <param name="offset">Bytes into the scratch memory.</param>
    [Kfunc("fathom_scratch")]
    public readonly ref T Scratch<T>(uint offset)
        where T : unmanaged => ref DirectStep.Scratch<T>(offset);
#pragma warning restore CA1822

    /// <summary>Asks for a read.</summary>
    /// <param name="index">Below <see cref="ReadsMax"/>; a constant, or a number that the verifier knows.</param>
    /// <param name="offset">File offset.</param>
    /// <param name="size">Bytes.</param>
    public void Request(uint index, ulong offset, uint size)
    {
        if (index >= ReadsMax)
            return;
        Unsafe.Add(ref _nextOffset, (nint)index) = offset;
        Unsafe.Add(ref _nextSize, (nint)index) = size;
    }

    /// <summary>The read asked for at an index: its size is 0 for none.</summary>
    /// <param name="index">Below <see cref="ReadsMax"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such read.</exception>
    public readonly (ulong Offset, uint Size) Requested(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, ReadsMax, nameof(index));
        return (Unsafe.Add(ref Unsafe.AsRef(in _nextOffset), index), Unsafe.Add(ref Unsafe.AsRef(in _nextSize), index));
    }
}
