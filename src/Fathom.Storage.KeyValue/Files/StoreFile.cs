using Fathom.Storage.Files;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.KeyValue.Files;

/// <summary>The store's one file: chains of reads over it, and plain reads and writes of any range.</summary>
/// <remarks>Any thread may read; one thread at a time writes a given block. Offsets and lengths need not be aligned.</remarks>
internal sealed class StoreFile : IDisposable
{
    /// <summary>Most bytes read or written by one system call.</summary>
    private const int PieceBytesMax = 1 << 20;

    private readonly SafeFileHandle _handle;
    private readonly AlignedBuffers _buffers;

    private StoreFile(string path, StorageFile chains)
    {
        Path = path;
        Chains = chains;
        _handle = FileSync.OpenForWriting(path, chains.IsDirect);
        _buffers = new AlignedBuffers(PieceBytesMax + 2 * BlockBytes, BlockBytes);
    }

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>The same file for chains.</summary>
    public StorageFile Chains { get; }

    /// <summary>What reads of chains are aligned to.</summary>
    public int AlignmentBytes => Chains.AlignmentBytes;

    /// <summary>Bytes that the file has.</summary>
    public long LengthBytes => RandomAccess.GetLength(_handle);

    /// <summary>Writes are aligned to the larger of what reads need and what a drive's sector may be, so that no drive reads to write.</summary>
    private int BlockBytes => Math.Max(AlignmentBytes, 512);

    /// <summary>Opens an existing file.</summary>
    public static StoreFile Open(string path, StorageEngineOptions engine, bool direct)
    {
        var chains = StorageFile.Open(path, new StorageFileOptions
        {
            Engine = engine,
            Direct = direct ? DirectReads.Prefer : DirectReads.Never,
            // Pages and records carry checksums and the store holds the file for itself.
            Guard = FileGuard.None,
        });
        try
        {
            return new StoreFile(path, chains);
        }
        catch
        {
            chains.Dispose();
            throw;
        }
    }

    /// <summary>Reads a range.</summary>
    /// <exception cref="StoreFormatException">The file ends before the range does.</exception>
    public void Read(long offsetBytes, Span<byte> destination)
    {
        using var lease = _buffers.Rent();
        while (destination.Length > 0)
        {
            var start = offsetBytes & -BlockBytes;
            var skip = (int)(offsetBytes - start);
            var count = Math.Min(destination.Length, PieceBytesMax - skip);
            var read = ReadBlocks(start, lease.Span(AlignUp(skip + count)));
            if (read < skip + count)
                throw new StoreFormatException(Path, StoreFormatFault.Header, "the file is shorter than its header says", start + read);
            lease.Span(skip + count)[skip..].CopyTo(destination);
            destination = destination[count..];
            offsetBytes += count;
        }
    }

    /// <summary>Writes a range; what else is in its first and last block stays.</summary>
    public void Write(long offsetBytes, ReadOnlySpan<byte> source)
    {
        using var lease = _buffers.Rent();
        while (source.Length > 0)
        {
            var start = offsetBytes & -BlockBytes;
            var skip = (int)(offsetBytes - start);
            var count = Math.Min(source.Length, PieceBytesMax - skip);
            var blocks = lease.Span(AlignUp(skip + count));
            if (skip != 0)
                ReadOrZero(start, blocks[..BlockBytes]);
            if (skip + count < blocks.Length && (skip == 0 || blocks.Length > BlockBytes))
                ReadOrZero(start + blocks.Length - BlockBytes, blocks[^BlockBytes..]);
            source[..count].CopyTo(blocks[skip..]);
            RandomAccess.Write(_handle, blocks, start);
            source = source[count..];
            offsetBytes += count;
        }
    }

    /// <summary>Writes scattered pieces of one range of blocks at once, reading the blocks between them first where there are gaps.</summary>
    /// <param name="offsetBytes">Where the first piece starts.</param>
    /// <param name="lengthBytes">To the end of the last piece; at most 1 MiB less a block.</param>
    /// <param name="isWhole">The pieces leave no gap between them.</param>
    /// <param name="state">Handed to <paramref name="fill"/>.</param>
    /// <param name="fill">Puts the pieces into the bytes from <paramref name="offsetBytes"/> on.</param>
    public void Overwrite<TState>(long offsetBytes, int lengthBytes, bool isWhole, TState state, FillBlocks<TState> fill)
    {
        using var lease = _buffers.Rent();
        var start = offsetBytes & -BlockBytes;
        var skip = (int)(offsetBytes - start);
        var blocks = lease.Span(AlignUp(skip + lengthBytes));
        var isShort = blocks.Length <= 4 * BlockBytes;
        if (!isWhole || (isShort && (skip != 0 || skip + lengthBytes < blocks.Length)))
        {
            ReadOrZero(start, blocks);
        }
        else
        {
            if (skip != 0)
                ReadOrZero(start, blocks[..BlockBytes]);
            if (skip + lengthBytes < blocks.Length)
                ReadOrZero(start + blocks.Length - BlockBytes, blocks[^BlockBytes..]);
        }
        fill(blocks.Slice(skip, lengthBytes), state);
        RandomAccess.Write(_handle, blocks, start);
    }

    /// <summary>Makes all writes durable.</summary>
    public void Flush() => FileSync.Data(_handle);

    /// <summary>Makes the file at least so long, so that no block in use lies behind its end.</summary>
    public void Extend(long lengthBytes)
    {
        if (LengthBytes < lengthBytes)
            RandomAccess.SetLength(_handle, lengthBytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Chains.Dispose();
        _handle.Dispose();
        _buffers.Dispose();
    }

    private int AlignUp(int bytes) => (bytes + BlockBytes - 1) & -BlockBytes;

    private int ReadBlocks(long start, Span<byte> blocks)
    {
        var total = 0;
        while (total < blocks.Length)
        {
            var read = RandomAccess.Read(_handle, blocks[total..], start + total);
            total += read;
            if (read == 0 || (read & (BlockBytes - 1)) != 0)
                break;
        }
        return total;
    }

    private void ReadOrZero(long start, Span<byte> blocks) => blocks[ReadBlocks(start, blocks)..].Clear();
}

/// <summary>Puts pieces into blocks that are about to be written.</summary>
internal delegate void FillBlocks<in TState>(Span<byte> blocks, TState state);
