namespace Fathom.Kernels;

/// <summary>Sixteen singles: one token of a block each, or sixteen neighbouring dimensions, in vectors of one width.</summary>
/// <remarks>Every operation is a lane's own, and sums have one order, so that all widths give the same bits.</remarks>
internal unsafe interface ISixteen<TSelf>
    where TSelf : struct, ISixteen<TSelf>
{
    /// <summary>Query rows whose sums fit into the registers: 8 or 4.</summary>
    static abstract int RowsMax { get; }

    /// <summary>The value in all lanes.</summary>
    static abstract TSelf Create(float value);

    /// <summary>Singles as they are.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Halves, times 2^-112: see <see cref="HalfLanes.Lowered"/>.</summary>
    static abstract TSelf LoadLowered(short* source);

    /// <summary>Bytes as numbers.</summary>
    static abstract TSelf LoadBytes(sbyte* source);

    void Store(float* target);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger of each lane; what a NaN gives is the processor's.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>Rounds to the nearest whole number, ties to even.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>2^(n + bias - 127) for whole n, as long as that is a normal number.</summary>
    static abstract TSelf PowerOfTwo(TSelf n, int bias);

    /// <summary>The value, but 0 where x is less than the floor.</summary>
    static abstract TSelf ZeroBelow(TSelf x, TSelf floor, TSelf value);

    /// <summary>Sum of the lanes: lane l and l + 8 first, then l and l + 4, l + 2, l + 1.</summary>
    float Sum();

    /// <summary>Largest of the lanes.</summary>
    float Largest();
}
