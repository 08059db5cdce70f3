using Fathom.Memory;

namespace Fathom.FarMemory.ErasureCode;

/// <summary>
/// A systematic Reed-Solomon code over GF(2⁸): k data shards, m parity shards, any k of the k+m give all of them back.
/// parity_j[b] = Σ_i A(j,i)·data_i[b] with the Cauchy matrix A(j,i) = 1/((k+j) xor i).
/// </summary>
/// <remarks>
/// Byte for byte what ISA-L computes from <c>gf_gen_cauchy1_matrix</c>. That matrix, and not <c>gf_gen_rs_matrix</c>, because every
/// square part of a Cauchy matrix has an inverse, whatever k and m; the other's Vandermonde rows lose that beyond small codes.
/// Immutable; any thread may use it. Allocates nothing after construction.
/// </remarks>
public sealed unsafe class ReedSolomon
{
    /// <summary>Most shards a code may have; bounds what reconstruction keeps on the stack.</summary>
    public const int ShardsMax = 64;

    private readonly byte[] _matrix; // row-major [m, k]
    private readonly NativeBuffer _tables; // entries of _matrix, same order
    private readonly ShardProductPath _path;

    /// <summary>Prepares a code.</summary>
    /// <param name="dataShards">k, at least 1.</param>
    /// <param name="parityShards">m, at least 0; k + m at most <see cref="ShardsMax"/>.</param>
    /// <param name="path">Instruction set to use; the best one when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">k or m is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The processor lacks the instruction set that was named.</exception>
    public ReedSolomon(int dataShards, int parityShards, ShardProductPath? path = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dataShards, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(parityShards);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dataShards + parityShards, ShardsMax);
        if (path is { } named && !ShardProduct.IsSupported(named))
            throw new PlatformNotSupportedException($"This processor has no {named} path.");
        DataShards = dataShards;
        ParityShards = parityShards;
        _path = path ?? ShardProduct.Best;
        _matrix = new byte[parityShards * dataShards];
        for (var j = 0; j < parityShards; j++)
        {
            for (var i = 0; i < dataShards; i++)
                _matrix[j * dataShards + i] = GaloisField.Invert((byte)((dataShards + j) ^ i));
        }
        _tables = NativeBuffer.Allocate((long)_matrix.Length * CoefficientTables.EntryBytes);
        CoefficientTables.Write(_matrix, _tables.View.AsSpan<byte>());
    }

    /// <summary>The code that the pool uses unless told otherwise: four data shards, two parities.</summary>
    public static ReedSolomon FourPlusTwo { get; } = new(4, 2);

    /// <summary>k.</summary>
    public int DataShards { get; }

    /// <summary>m.</summary>
    public int ParityShards { get; }

    /// <summary>k + m.</summary>
    public int Shards => DataShards + ParityShards;

    /// <summary>The instruction set in use.</summary>
    public ShardProductPath Path => _path;

    /// <summary>A(j,i): what data shard <paramref name="dataIndex"/> is multiplied by in parity <paramref name="parityIndex"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such shard.</exception>
    public byte Coefficient(int parityIndex, int dataIndex)
    {
        CheckIndex(parityIndex, ParityShards);
        CheckIndex(dataIndex, DataShards);
        return _matrix[parityIndex * DataShards + dataIndex];
    }

    /// <summary>Computes all parities of one code word.</summary>
    /// <param name="data">k shards of equal length.</param>
    /// <param name="parity">m shards of that length; overwritten; must not overlap the data or each other.</param>
    /// <exception cref="ArgumentException">Wrong number of shards, or lengths differ.</exception>
    public void Encode(ReadOnlySpan<NativeView> data, ReadOnlySpan<NativeView> parity)
    {
        CheckCount(data.Length, DataShards, nameof(data));
        CheckCount(parity.Length, ParityShards, nameof(parity));
        var length = CheckLengths(data, data[0].Length);
        CheckLengths(parity, length);
        Multiply(_tables.Pointer, data, parity, length);
    }

    /// <summary>Computes missing shards, data or parity, from any k others.</summary>
    /// <param name="presentIndexes">k distinct shard indexes (0 to k-1 data, k to k+m-1 parity), in any order.</param>
    /// <param name="present">Those shards, in that order, of equal length.</param>
    /// <param name="missingIndexes">Indexes of the shards wanted; none of them among the present.</param>
    /// <param name="missing">Where they go, in that order; overwritten; must not overlap anything else.</param>
    /// <exception cref="ArgumentException">Wrong number of shards, an index twice or out of range, or lengths differ.</exception>
    public void Reconstruct(
        ReadOnlySpan<int> presentIndexes, ReadOnlySpan<NativeView> present, ReadOnlySpan<int> missingIndexes, ReadOnlySpan<NativeView> missing)
    {
        CheckCount(presentIndexes.Length, DataShards, nameof(presentIndexes));
        CheckCount(present.Length, DataShards, nameof(present));
        CheckCount(missing.Length, missingIndexes.Length, nameof(missing));
        CheckDistinct(presentIndexes, missingIndexes);
        var length = CheckLengths(present, present[0].Length);
        CheckLengths(missing, length);

        var k = DataShards;
        Span<byte> rows = stackalloc byte[k * k];
        Span<byte> inverse = stackalloc byte[k * k];
        for (var r = 0; r < k; r++)
            GeneratorRow(presentIndexes[r], rows.Slice(r * k, k));
        // Any k rows of [identity; Cauchy] are independent; anything else is our bug.
        Invariant.Check(GaloisField.Invert(rows, inverse, k));

        Span<byte> generator = stackalloc byte[k];
        Span<byte> coefficients = stackalloc byte[k];
        var tables = stackalloc byte[k * CoefficientTables.EntryBytes];
        for (var w = 0; w < missing.Length; w++)
        {
            // wanted = generator row · data, data = inverse · present.
            GeneratorRow(missingIndexes[w], generator);
            coefficients.Clear();
            for (var i = 0; i < k; i++)
            {
                for (var s = 0; s < k; s++)
                    coefficients[s] ^= GaloisField.Multiply(generator[i], inverse[i * k + s]);
            }
            CoefficientTables.Write(coefficients, new Span<byte>(tables, k * CoefficientTables.EntryBytes));
            Multiply(tables, present, missing.Slice(w, 1), length);
        }
    }

    /// <summary>Brings one parity up to date after data shard <paramref name="dataIndex"/> changed: parity += A(j,i)·delta.</summary>
    /// <param name="parity">The parity shard; changed in place.</param>
    /// <param name="parityIndex">j.</param>
    /// <param name="dataIndex">i.</param>
    /// <param name="delta">Old data xor new data; same length; must not overlap.</param>
    /// <remarks>Applying the same delta twice undoes it: the caller makes sure that it is applied once.</remarks>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public void UpdateParity(NativeView parity, int parityIndex, int dataIndex, NativeView delta) =>
        MultiplyCore(Coefficient(parityIndex, dataIndex), delta, parity, accumulate: true, _path);

    /// <summary>target += coefficient · source, byte by byte in GF(2⁸).</summary>
    /// <param name="coefficient">The multiplier; 1 makes this an exclusive or.</param>
    /// <param name="source">Must not overlap the target unless it is the same range.</param>
    /// <param name="target">Same length as the source; changed in place.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static void MultiplyAccumulate(byte coefficient, NativeView source, NativeView target) =>
        MultiplyCore(coefficient, source, target, accumulate: true, ShardProduct.Best);

    /// <summary>target = coefficient · source, byte by byte in GF(2⁸).</summary>
    /// <param name="coefficient">The multiplier.</param>
    /// <param name="source">Must not overlap the target unless it is the same range.</param>
    /// <param name="target">Same length as the source; overwritten.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static void Multiply(byte coefficient, NativeView source, NativeView target) =>
        MultiplyCore(coefficient, source, target, accumulate: false, ShardProduct.Best);

    private static void MultiplyCore(byte coefficient, NativeView source, NativeView target, bool accumulate, ShardProductPath path)
    {
        if (source.Length != target.Length)
            throw new ArgumentException($"Shards of {source.Length} and {target.Length} bytes do not fit together.", nameof(target));
        var entry = stackalloc byte[CoefficientTables.EntryBytes];
        CoefficientTables.Write([coefficient], new Span<byte>(entry, CoefficientTables.EntryBytes));
        var from = source.Pointer;
        var to = target.Pointer;
        ShardProduct.Compute(path, entry, &from, 1, &to, 1, (nint)source.Length, accumulate);
    }

    private void Multiply(byte* tables, ReadOnlySpan<NativeView> sources, ReadOnlySpan<NativeView> outputs, long length)
    {
        // SAFETY: lengths were checked; the pointers live on this frame; the tables hold outputs x sources entries.
        var from = stackalloc byte*[sources.Length];
        var to = stackalloc byte*[Math.Max(1, outputs.Length)];
        for (var i = 0; i < sources.Length; i++)
            from[i] = sources[i].Pointer;
        for (var i = 0; i < outputs.Length; i++)
            to[i] = outputs[i].Pointer;
        ShardProduct.Compute(_path, tables, from, sources.Length, to, outputs.Length, (nint)length, accumulate: false);
    }

    private void GeneratorRow(int shard, Span<byte> row)
    {
        row.Clear();
        if (shard < DataShards)
            row[shard] = 1;
        else
            _matrix.AsSpan((shard - DataShards) * DataShards, DataShards).CopyTo(row);
    }

    private void CheckDistinct(ReadOnlySpan<int> present, ReadOnlySpan<int> missing)
    {
        ulong seen = 0;
        foreach (var index in present)
            seen = Mark(seen, index, nameof(present));
        foreach (var index in missing)
            seen = Mark(seen, index, nameof(missing));
    }

    private ulong Mark(ulong seen, int index, string name)
    {
        CheckIndex(index, Shards);
        var bit = 1UL << index;
        return (seen & bit) == 0 ? seen | bit : throw new ArgumentException($"Shard {index} is named twice.", name);
    }

    private static void CheckIndex(int index, int count)
    {
        if ((uint)index >= (uint)count)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"There are {count} such shards.");
    }

    private static void CheckCount(int count, int wanted, string name)
    {
        if (count != wanted)
            throw new ArgumentException($"{count} shards, {wanted} are needed.", name);
    }

    private static long CheckLengths(ReadOnlySpan<NativeView> shards, long length)
    {
        foreach (var shard in shards)
        {
            if (shard.Length != length)
                throw new ArgumentException($"A shard of {shard.Length} bytes among shards of {length}.", nameof(shards));
        }
        return length;
    }
}
