namespace Fathom.Models.SafeTensors;

/// <summary>Directory entry of one tensor of a safetensors file; checked against its file.</summary>
/// <param name="Name">Unique name.</param>
/// <param name="ElementType">The format's name of the element type: F32, F16, BF16, I64, ...</param>
/// <param name="Shape">Dimensions, the contiguous one last (NumPy's order); none for a scalar.</param>
/// <param name="Offset">First byte within the file.</param>
/// <param name="Bytes">Length in bytes.</param>
public sealed record SafeTensor(string Name, string ElementType, IReadOnlyList<long> Shape, long Offset, long Bytes);
