using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Files;

/// <summary>Collects pages and records and writes them sorted, neighbours together, several runs at a time.</summary>
/// <remarks>One thread's. What it was given must not change before <see cref="Flush"/>.</remarks>
/// <param name="file">The file.</param>
/// <param name="writersMax">Runs written at a time.</param>
internal sealed class BlockWriter(StoreFile file, int writersMax)
{
    private const int PendingBytesMax = 8 << 20;
    private const int RunBytesMax = 512 << 10;

    private readonly List<Piece> _pieces = [];
    private long _bytes;

    /// <summary>Adds a page.</summary>
    public void AddPage(long offsetBytes, byte[] page) => Add(new Piece(offsetBytes, page.Length, page, null));

    /// <summary>Adds the record of a value; written to the start of its extent, and to the end of it where that saves reading a block.</summary>
    public void AddRecord(ExtentPointer record, byte[] key, byte[] value) =>
        Add(new Piece(record.OffsetBytes, record.EndBytes % file.AlignmentBytes == 0 ? record.LengthBytes : ValueRecord.BytesOf(value.Length), key, value));

    /// <summary>Writes what was added.</summary>
    public void Flush()
    {
        _pieces.Sort(static (a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        var runs = new List<(int Start, int Count)>();
        for (var i = 0; i < _pieces.Count;)
        {
            var start = i;
            for (i++; i < _pieces.Count && Joins(start, i); i++)
            {
            }
            runs.Add((start, i - start));
        }
        Parallel.ForEach(runs, new ParallelOptions { MaxDegreeOfParallelism = writersMax }, Write);
        _pieces.Clear();
        _bytes = 0;
    }

    private void Add(in Piece piece)
    {
        _pieces.Add(piece);
        _bytes += piece.LengthBytes;
        if (_bytes >= PendingBytesMax)
            Flush();
    }

    /// <summary>Whether a piece begins in a block that the run before it ends in, or right behind it.</summary>
    private bool Joins(int start, int index)
    {
        var block = file.AlignmentBytes;
        var before = _pieces[index - 1].EndBytes;
        var shares = _pieces[index].OffsetBytes <= (before + block - 1) / block * block;
        // A block is written by one run only, whatever its length; elsewhere a run ends when it is long.
        var sharesBlock = _pieces[index].OffsetBytes / block == (before - 1) / block;
        return shares && (sharesBlock || _pieces[index].EndBytes - _pieces[start].OffsetBytes <= RunBytesMax);
    }

    private void Write((int Start, int Count) run)
    {
        var first = _pieces[run.Start].OffsetBytes;
        var length = _pieces[run.Start + run.Count - 1].EndBytes - first;
        if (run.Count == 1 && _pieces[run.Start].Value is null)
        {
            file.Write(first, _pieces[run.Start].Bytes);
            return;
        }
        if (length > RunBytesMax + (64 << 10))
        {
            WriteLong(run);
            return;
        }
        var isWhole = true;
        for (var i = run.Start + 1; i < run.Start + run.Count; i++)
            isWhole &= _pieces[i].OffsetBytes == _pieces[i - 1].EndBytes;
        file.Overwrite(first, (int)length, isWhole, (Writer: this, Run: run), static (blocks, state) => state.Writer.Fill(blocks, state.Run));
    }

    /// <summary>A run that ends in a value of megabytes: piece after piece.</summary>
    private void WriteLong((int Start, int Count) run)
    {
        for (var i = run.Start; i < run.Start + run.Count; i++)
        {
            var piece = _pieces[i];
            if (piece.Value is null)
            {
                file.Write(piece.OffsetBytes, piece.Bytes);
                continue;
            }
            var record = new byte[piece.LengthBytes];
            ValueRecord.Write(record, piece.Bytes, piece.Value);
            file.Write(piece.OffsetBytes, record);
        }
    }

    private void Fill(Span<byte> blocks, (int Start, int Count) run)
    {
        var first = _pieces[run.Start].OffsetBytes;
        for (var i = run.Start; i < run.Start + run.Count; i++)
        {
            var piece = _pieces[i];
            var to = blocks[(int)(piece.OffsetBytes - first)..];
            if (piece.Value is null)
                piece.Bytes.CopyTo(to);
            else
                to[ValueRecord.Write(to, piece.Bytes, piece.Value)..piece.LengthBytes].Clear();
        }
    }

    private readonly record struct Piece(long OffsetBytes, int LengthBytes, byte[] Bytes, byte[]? Value)
    {
        public long EndBytes => OffsetBytes + LengthBytes;
    }
}
