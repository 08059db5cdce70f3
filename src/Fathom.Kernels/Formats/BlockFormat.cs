namespace Fathom.Kernels.Formats;

/// <summary>How many values a block of a tensor type holds and how many bytes it takes.</summary>
/// <param name="Type">The tensor type.</param>
/// <param name="ValuesPerBlock">Values in one block; 1 for the plain types.</param>
/// <param name="BytesPerBlock">Bytes of one block.</param>
public readonly record struct BlockFormat(TensorType Type, int ValuesPerBlock, int BytesPerBlock)
{
    private static readonly BlockFormat[] Known =
    [
        new(TensorType.F32, 1, 4),
        new(TensorType.F16, 1, 2),
        new(TensorType.BF16, 1, 2),
        new(TensorType.Q4_0, 32, 18),
        new(TensorType.Q4_1, 32, 20),
        new(TensorType.Q5_0, 32, 22),
        new(TensorType.Q5_1, 32, 24),
        new(TensorType.Q8_0, 32, 34),
        new(TensorType.Q2_K, 256, 84),
        new(TensorType.Q3_K, 256, 110),
        new(TensorType.Q4_K, 256, 144),
        new(TensorType.Q5_K, 256, 176),
        new(TensorType.Q6_K, 256, 210),
        new(TensorType.IQ4_NL, 32, 18),
        new(TensorType.MXFP4, 32, 17),
    ];

    /// <summary>Every format Fathom reads and writes.</summary>
    public static IReadOnlyList<BlockFormat> All => Known;

    /// <summary>Looks a type up; the number may come straight from a file.</summary>
    /// <returns>False when Fathom does not know the type.</returns>
    public static bool TryGet(TensorType type, out BlockFormat format)
    {
        // Over the array: decoding looks formats up for every row, and an interface's enumerator would be allocated.
        foreach (var candidate in Known)
        {
            if (candidate.Type == type)
            {
                format = candidate;
                return true;
            }
        }
        format = default;
        return false;
    }

    /// <summary>The format of a type that is known to exist.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fathom does not know the type.</exception>
    public static BlockFormat Get(TensorType type) =>
        TryGet(type, out var format)
            ? format
            : throw new ArgumentOutOfRangeException(nameof(type), (int)type, "Not a tensor type that Fathom knows.");

    /// <summary>Whether a row of <paramref name="values"/> values is a whole number of blocks.</summary>
    public bool Divides(long values) => values >= 0 && values % ValuesPerBlock == 0;

    /// <summary>Bytes of a row of <paramref name="values"/> values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or not a whole number of blocks.</exception>
    /// <exception cref="OverflowException">More bytes than 64 bits count.</exception>
    public long RowBytes(long values)
    {
        if (!Divides(values))
        {
            throw new ArgumentOutOfRangeException(
                nameof(values), values, $"{Type} stores {ValuesPerBlock} values a block; a row must be a multiple of that.");
        }
        return checked(values / ValuesPerBlock * BytesPerBlock);
    }
}
