using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.FarMemory.BlockStore;

/// <summary>Where a block's bytes lie: its pieces as spans, in order, and the checksum of the whole.</summary>
internal sealed record StoredBlock(int LengthBytes, int PieceBytes, SpanId[] Pieces, uint Checksum);

/// <summary>
/// Blocks as span sets of the pool: a block is cut into as many pieces as share a set, so that its pieces lie on different nodes, are
/// read side by side, and a removed block leaves whole dead sets behind, never holes.
/// </summary>
/// <remarks>Any number of callers; transfers wait for one of a fixed number of native buffers. Reads leave the far bytes where they are.</remarks>
internal sealed class StripedBlocks : IDisposable
{
    /// <summary>Lengths of pieces are multiples of this: the unit in which nodes hand out memory.</summary>
    public const int PieceUnitBytes = 2048;

    private readonly IFarPool _pool;
    private readonly int _pieceBytesMax;
    private readonly SemaphoreSlim _free;
    private readonly Stack<NativeBuffer> _buffers = new();
    private bool _disposed;

    public StripedBlocks(IFarPool pool, int pieceBytesMax, int transfersMax)
    {
        _pool = pool;
        _pieceBytesMax = pieceBytesMax / PieceUnitBytes * PieceUnitBytes;
        _free = new SemaphoreSlim(transfersMax, transfersMax);
    }

    private int SetPieces => _pool.SpansPerSet;

    /// <summary>Stores a block.</summary>
    /// <returns>Where it lies, or null with a status that says why not; nothing is kept then.</returns>
    public async ValueTask<(StoredBlock? Block, WriteStatus Status)> WriteAsync(
        ReadOnlyMemory<byte> content, TimeSpan timeout, CancellationToken cancellation)
    {
        var pieceBytes = PieceBytesFor(content.Length);
        var pieces = new SpanId[Math.Max(1, (content.Length + pieceBytes - 1) / pieceBytes)];
        var buffer = await RentAsync(cancellation);
        var written = 0;
        var status = WriteStatus.Written;
        try
        {
            while (written < pieces.Length)
            {
                var count = Math.Min(SetPieces, pieces.Length - written);
                var images = Stage(content, written * pieceBytes, pieceBytes, count, buffer);
                var outcome = await _pool.WriteSpanSetAsync(images, pieces.AsMemory(written, count), timeout, cancellation);
                status = outcome.Status;
                if (!outcome.IsWritten)
                    return (null, status);
                written += count;
            }
            return (new StoredBlock(content.Length, pieceBytes, pieces, Crc32C.Compute(content.Span)), status);
        }
        finally
        {
            Return(buffer);
            for (var i = 0; written < pieces.Length && i < written; i++)
                _pool.Release(pieces[i]);
        }
    }

    /// <summary>Copies a block out.</summary>
    /// <returns>Read when the destination holds its bytes by checksum; Lost when they are gone or wrong.</returns>
    public async ValueTask<ReadStatus> ReadAsync(
        StoredBlock block, Memory<byte> destination, TimeSpan timeout, CancellationToken cancellation)
    {
        var buffer = await RentAsync(cancellation);
        try
        {
            var reads = new Task<ReadOutcome>[SetPieces];
            for (var first = 0; first < block.Pieces.Length; first += SetPieces)
            {
                var count = Math.Min(SetPieces, block.Pieces.Length - first);
                for (var i = 0; i < count; i++)
                {
                    var target = buffer.View.Slice((long)i * block.PieceBytes, block.PieceBytes);
                    reads[i] = _pool.ReadSpanAsync(block.Pieces[first + i], target, timeout, cancellation).AsTask();
                }
                // All of them end before the buffer is looked at or given back, also when one has failed.
                var outcomes = await Task.WhenAll(reads.AsSpan(0, count));
                foreach (var outcome in outcomes)
                {
                    if (!outcome.IsRead)
                        return outcome.Status;
                }
                var offset = first * block.PieceBytes;
                var bytes = Math.Min(count * block.PieceBytes, block.LengthBytes - offset);
                buffer.AsSpan<byte>(0, bytes).CopyTo(destination.Span[offset..]);
            }
            return Crc32C.Compute(destination.Span[..block.LengthBytes]) == block.Checksum ? ReadStatus.Read : ReadStatus.Lost;
        }
        finally
        {
            Return(buffer);
        }
    }

    /// <summary>The block's far bytes are dead.</summary>
    public void Release(StoredBlock block)
    {
        foreach (var piece in block.Pieces)
            _pool.Release(piece);
    }

    public void Dispose()
    {
        lock (_buffers)
        {
            _disposed = true; // transfers that are under way free their buffers themselves
            while (_buffers.TryPop(out var buffer))
                buffer.Dispose();
        }
    }

    /// <summary>Equal pieces over one set for blocks that fit into one; the longest pieces for longer ones.</summary>
    private int PieceBytesFor(int lengthBytes)
    {
        var even = ((long)lengthBytes + SetPieces - 1) / SetPieces;
        var rounded = Math.Max(1, (even + PieceUnitBytes - 1) / PieceUnitBytes) * PieceUnitBytes;
        return (int)Math.Min(rounded, _pieceBytesMax);
    }

    private static SpanImage[] Stage(ReadOnlyMemory<byte> content, int offset, int pieceBytes, int count, NativeBuffer buffer)
    {
        var room = buffer.AsSpan<byte>(0, count * pieceBytes);
        var part = content.Span[offset..Math.Min(content.Length, offset + room.Length)];
        part.CopyTo(room);
        room[part.Length..].Clear();
        var images = new SpanImage[count];
        for (var i = 0; i < count; i++)
            images[i] = new SpanImage(buffer.View.Slice((long)i * pieceBytes, pieceBytes));
        return images;
    }

    private async ValueTask<NativeBuffer> RentAsync(CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation);
        lock (_buffers)
        {
            if (_buffers.TryPop(out var idle))
                return idle;
        }
        return NativeBuffer.Allocate((long)_pieceBytesMax * SetPieces);
    }

    private void Return(NativeBuffer buffer)
    {
        lock (_buffers)
        {
            if (_disposed)
                buffer.Dispose();
            else
                _buffers.Push(buffer);
        }
        _free.Release();
    }
}
