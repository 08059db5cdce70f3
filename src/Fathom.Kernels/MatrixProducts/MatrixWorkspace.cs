using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Scratch memory that matrix products reuse: quantised activations, and unpacked weights for each worker.</summary>
/// <remarks>Whoever calls <see cref="MatrixProduct"/> owns it; one product at a time. Grows to the largest use and stays.</remarks>
public sealed class MatrixWorkspace : IDisposable
{
    private NativeBuffer _activations = NativeBuffer.Allocate(0);
    private NativeBuffer _scratch = NativeBuffer.Allocate(0);

    /// <summary>Bytes held now.</summary>
    public long Bytes => _activations.Length + _scratch.Length;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _activations.Dispose();
        _scratch.Dispose();
    }

    internal unsafe byte* Activations(long bytes) => Grow(ref _activations, bytes);

    internal unsafe byte* Scratch(long bytes) => Grow(ref _scratch, bytes);

    private static unsafe byte* Grow(ref NativeBuffer buffer, long bytes)
    {
        if (buffer.Length < bytes)
        {
            var larger = NativeBuffer.Allocate(bytes, 4096);
            buffer.Dispose();
            buffer = larger;
        }
        return buffer.Pointer;
    }
}
