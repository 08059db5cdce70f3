using System.Buffers;

namespace Fathom.Memory;

/// <summary>Native memory as <see cref="Memory{T}"/>, for interfaces that take that.</summary>
/// <remarks>Like the view it keeps nobody alive: the memory must not be used once the view's owner has freed it.</remarks>
/// <param name="view">At most 2 GiB.</param>
public sealed unsafe class NativeViewMemory(NativeView view) : MemoryManager<byte>
{
    /// <inheritdoc/>
    public override Span<byte> GetSpan() => view.AsSpan<byte>();

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)elementIndex, (ulong)view.Length, nameof(elementIndex));
        // SAFETY: native memory does not move, and the index was checked against its length.
        return new MemoryHandle(view.Pointer + elementIndex);
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // The view's owner frees the memory.
    }
}
