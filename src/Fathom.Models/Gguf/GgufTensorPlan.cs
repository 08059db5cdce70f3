using Fathom.Kernels.Formats;

namespace Fathom.Models.Gguf;

/// <summary>A tensor that is to be written.</summary>
/// <param name="Name">Unique name.</param>
/// <param name="Type">Storage type.</param>
/// <param name="Shape">1 to 4 dimensions, the contiguous one first.</param>
public sealed record GgufTensorPlan(string Name, TensorType Type, params long[] Shape)
{
    /// <summary>Length in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A row is not a whole number of the type's blocks.</exception>
    public long Bytes
    {
        get
        {
            long bytes = BlockFormat.Get(Type).RowBytes(Shape[0]);
            for (int i = 1; i < Shape.Length; i++)
                bytes = checked(bytes * Shape[i]);
            return bytes;
        }
    }
}
