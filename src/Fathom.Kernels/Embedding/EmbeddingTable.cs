using Fathom.Kernels.Formats;
using Fathom.Memory;

namespace Fathom.Kernels.Embedding;

/// <summary>Rows of a token embedding, decoded when they are looked up.</summary>
/// <remarks>Reads the source view on every use: its owner must outlive this. Immutable; any thread may call it.</remarks>
public sealed class EmbeddingTable
{
    private readonly NativeView _source;
    private readonly TensorType _type;
    private readonly long _rowBytes;

    /// <summary>Describes a table.</summary>
    /// <param name="type">Type of the source.</param>
    /// <param name="rows">Entries in the vocabulary.</param>
    /// <param name="columns">Values of one entry; a whole number of the type's blocks.</param>
    /// <param name="source">Exactly rows x columns values, row-major.</param>
    /// <exception cref="ArgumentException">The shape does not fit the type or the source.</exception>
    public EmbeddingTable(TensorType type, int rows, int columns, NativeView source)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        _rowBytes = BlockFormat.Get(type).RowBytes(columns);
        if (source.Length != checked(_rowBytes * rows))
            throw new ArgumentException($"{rows} x {columns} values of {type} take {_rowBytes * rows} bytes, not {source.Length}.", nameof(source));
        _type = type;
        _source = source;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>Entries in the vocabulary.</summary>
    public int Rows { get; }

    /// <summary>Values of one entry.</summary>
    public int Columns { get; }

    /// <summary>y[t,·] = table[tokens[t],·].</summary>
    /// <param name="tokens">Row numbers.</param>
    /// <param name="y">[tokens, columns], row-major.</param>
    /// <exception cref="ArgumentException">y has another length, or a token is outside the table.</exception>
    /// <remarks>Allocates nothing.</remarks>
    public void Gather(ReadOnlySpan<int> tokens, Span<float> y)
    {
        if (y.Length != (long)tokens.Length * Columns)
            throw new ArgumentException($"y holds {y.Length} values, not {tokens.Length} x {Columns}.", nameof(y));
        for (var t = 0; t < tokens.Length; t++)
        {
            var token = tokens[t];
            if ((uint)token >= (uint)Rows)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"Token {t} is outside a table of {Rows} rows.");
            BlockCodec.Decode(_type, _source.Slice(token * _rowBytes, _rowBytes).AsSpan<byte>(), y.Slice(t * Columns, Columns));
        }
    }
}
