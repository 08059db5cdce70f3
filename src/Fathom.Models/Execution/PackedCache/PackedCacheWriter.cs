using Fathom.Kernels.MatrixProducts;
using Fathom.Memory;

namespace Fathom.Models.Execution.PackedCache;

/// <summary>Writes packed weights beside the model while they are being made.</summary>
/// <remarks>
/// One thread. It writes a file of its own that takes the name last, so that another process sees a whole file or none. A disk that is
/// full or read-only ends the writing and nothing else.
/// </remarks>
internal sealed class PackedCacheWriter : IDisposable
{
    private const int PieceBytes = 8 << 20;

    private readonly string _path;
    private readonly string _temporary;
    private readonly byte[] _fingerprint;
    private readonly MemoryStream _table = new();
    private FileStream? _file;
    private int _entries;

    public PackedCacheWriter(string modelPath, byte[] fingerprint)
    {
        _path = PackedCacheFile.PathFor(modelPath);
        _temporary = $"{_path}.{Environment.ProcessId}.tmp";
        _fingerprint = fingerprint;
        Guarded(() =>
        {
            _file = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            _file.Position = PackedCacheTable.Alignment;
        });
    }

    /// <summary>Appends a matrix.</summary>
    public void Add(string name, WeightMatrix matrix) => Guarded(() =>
    {
        if (_file is null)
            return;
        NativeView bytes = matrix.PackedBytes;
        var entry = new PackedEntry(
            matrix.Type, matrix.Rows, matrix.Columns, _file.Position, bytes.Length, PackedCacheChecksum.Of(bytes));
        PackedCacheTable.WriteEntry(_table, name, entry);
        _entries++;
        for (long offset = 0; offset < bytes.Length; offset += PieceBytes)
            _file.Write(bytes.Slice(offset, Math.Min(PieceBytes, bytes.Length - offset)).AsSpan<byte>());
        _file.Position = (_file.Position + PackedCacheTable.Alignment - 1) / PackedCacheTable.Alignment * PackedCacheTable.Alignment;
    });

    /// <summary>Finishes the file and gives it its name; false when it could not be written.</summary>
    public bool Finish()
    {
        Guarded(() =>
        {
            if (_file is null)
                return;
            ReadOnlySpan<byte> table = _table.GetBuffer().AsSpan(0, (int)_table.Length);
            long tableOffset = _file.Position;
            _file.Write(table);
            _file.Position = 0;
            _file.Write(PackedCacheTable.WriteHead(_entries, tableOffset, table, _fingerprint));
            _file.Dispose();
            File.Move(_temporary, _path, overwrite: true);
        });
        bool written = _file is not null;
        _file = null;
        return written;
    }

    /// <summary>Removes what was not finished.</summary>
    public void Dispose()
    {
        if (_file is not null)
            Abandon();
        _table.Dispose();
    }

    private void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The model is served all the same; the state of the load says that nothing was kept.
            Abandon();
        }
    }

    private void Abandon()
    {
        _file?.Dispose();
        _file = null;
        try
        {
            File.Delete(_temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Left over where nothing can be deleted; the next writer of the same process id takes it over.
        }
    }
}
