using Fathom.Kernels.Formats;

namespace Fathom.Models.Gguf;

/// <summary>Directory entry of one tensor; checked against its file.</summary>
/// <param name="Name">Unique name within the file.</param>
/// <param name="Type">Storage type.</param>
/// <param name="Shape">1 to 4 dimensions, the contiguous one first (ggml's order): a matrix is [columns, rows].</param>
/// <param name="Offset">First byte within the file.</param>
/// <param name="Bytes">Length in bytes.</param>
public sealed record GgufTensor(string Name, TensorType Type, IReadOnlyList<long> Shape, long Offset, long Bytes)
{
    /// <summary>Values of one contiguous row.</summary>
    public long Columns => Shape[0];

    /// <summary>Rows: the product of all dimensions but the first.</summary>
    public long Rows
    {
        get
        {
            long rows = 1;
            for (int i = 1; i < Shape.Count; i++)
                rows *= Shape[i];
            return rows;
        }
    }
}
