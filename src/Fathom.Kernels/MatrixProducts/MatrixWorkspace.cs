using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Scratch memory that matrix products reuse: quantised activations, and sums and unpacked weights of each worker.</summary>
/// <remarks>Whoever calls <see cref="MatrixProduct"/> owns it; one product at a time. Grows to the largest use and stays.</remarks>
public sealed unsafe class MatrixWorkspace : IDisposable
{
    private NativeBuffer _activations = NativeBuffer.Allocate(0);
    private NativeBuffer _scratch = NativeBuffer.Allocate(0);

    /// <summary>Bytes held now.</summary>
    public long Bytes => _activations.Length + _scratch.Length;

    /// <summary>Instructions that products with this workspace use; tests set the twins here.</summary>
    internal SimdLevel Level { get; init; } = SimdLevels.Best;

    /// <summary>The level whose forms of activations are used; tests set here which level a twin is the twin of.</summary>
    internal SimdLevel? FormsOf { get; init; }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _activations.Dispose();
        _scratch.Dispose();
    }

    internal byte* Activations(long bytes) => Grow(ref _activations, bytes);

    internal byte* Scratch(int workers) => Grow(ref _scratch, (long)workers * WeightMatrix.ScratchBytes);

    private static byte* Grow(ref NativeBuffer buffer, long bytes)
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
