using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Storage;

/// <summary>What a storage function is called with: the read that completed, and room for the reads it wants next.</summary>
/// <remarks>
/// The same bytes as <c>struct fathom_context</c> of functions/fathom_storage.h, in user space and in the kernel: explicit
/// layout, little endian. A function writes <see cref="NextOffset"/>, <see cref="NextSize"/> and <see cref="Done"/>; the rest
/// is written again before each call, so that a change to it is lost. All three arrive cleared.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct StorageContext
{
    /// <summary>Most reads one step may ask for.</summary>
    public const int NextReadsMax = 16;

    /// <summary>Size of the structure.</summary>
    public const int SizeBytes = 224;

    /// <summary>File offsets of the next reads.</summary>
    [FieldOffset(0)]
    public NextOffsets NextOffset;

    /// <summary>Bytes of the next reads; 0 means that there is no such read.</summary>
    [FieldOffset(128)]
    public NextSizes NextSize;

    /// <summary>File offset of the block that was just read.</summary>
    [FieldOffset(192)]
    public ulong Offset;

    /// <summary>Bytes that were read; fewer than asked for only where the file ends.</summary>
    [FieldOffset(200)]
    public uint Size;

    /// <summary>Bytes of scratch.</summary>
    [FieldOffset(204)]
    public uint ScratchSize;

    /// <summary>Steps of this chain before this one; 0 for the first read.</summary>
    [FieldOffset(208)]
    public uint Hop;

    /// <summary>Other reads of this chain that were asked for and whose step has not run.</summary>
    [FieldOffset(212)]
    public uint ReadsPending;

    /// <summary>1 ends the chain well.</summary>
    [FieldOffset(216)]
    public uint Done;

    /// <summary>Zero.</summary>
    [FieldOffset(220)]
    public uint Reserved;

    /// <summary>Asks for a read as number <paramref name="index"/> of this step.</summary>
    /// <param name="index">0 to 15; steps run over the reads in this order.</param>
    /// <param name="offsetBytes">File offset; checked by the engine, not here.</param>
    /// <param name="sizeBytes">Bytes; checked by the engine, not here.</param>
    /// <exception cref="IndexOutOfRangeException">More than 16 reads.</exception>
    public void Read(int index, ulong offsetBytes, uint sizeBytes)
    {
        NextOffset[index] = offsetBytes;
        NextSize[index] = sizeBytes;
    }

    /// <summary>Sixteen file offsets.</summary>
    [InlineArray(NextReadsMax)]
    [SuppressMessage("Design", "CA1034:Nested types should not be visible", Justification = "The array exists only as this field.")]
    public struct NextOffsets
    {
        private ulong _first;
    }

    /// <summary>Sixteen sizes in bytes.</summary>
    [InlineArray(NextReadsMax)]
    [SuppressMessage("Design", "CA1034:Nested types should not be visible", Justification = "The array exists only as this field.")]
    public struct NextSizes
    {
        private uint _first;
    }
}
