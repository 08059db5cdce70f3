using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Models.Execution.PackedCache;

/// <summary>Packed weights of an earlier start, mapped: what they hold need not be read from the model and packed again.</summary>
/// <remarks>
/// The opener owns it and keeps it as long as matrices over it are used. A file that is not of this source, form or layout, or whose bytes
/// are not those that were written, is not used. Who can write it can write the model beside it, so it is trusted no less.
/// </remarks>
internal sealed class PackedCacheFile : IDisposable
{
    private readonly MappedFile _file;
    private readonly Dictionary<string, PackedEntry> _entries;

    private PackedCacheFile(MappedFile file, Dictionary<string, PackedEntry> entries)
    {
        _file = file;
        _entries = entries;
    }

    /// <summary>Where the packed weights of a model file are kept.</summary>
    public static string PathFor(string modelPath) => modelPath + ".packed";

    /// <summary>Opens the file beside a model; null when there is none that can be used.</summary>
    /// <param name="modelPath">The model's file.</param>
    /// <param name="fingerprint">Of the model's file.</param>
    /// <param name="pool">Shares the checking of the bytes.</param>
    public static PackedCacheFile? Open(string modelPath, ReadOnlySpan<byte> fingerprint, ComputePool pool)
    {
        string path = PathFor(modelPath);
        if (!File.Exists(path))
            return null;
        MappedFile file;
        try
        {
            file = MappedFile.Open(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null; // as if it were not there: the model itself is at hand
        }

        if (PackedCacheTable.Read(file.View, fingerprint) is { } entries && AllIntact(file.View, entries, pool))
            return new PackedCacheFile(file, entries);
        file.Dispose();
        return null;
    }

    /// <summary>The matrix kept under a name, or null when there is none of this type and shape.</summary>
    public WeightMatrix? Find(string name, TensorType type, int rows, int columns)
    {
        if (!_entries.TryGetValue(name, out PackedEntry? entry) || entry.Type != type || entry.Rows != rows || entry.Columns != columns
            || entry.LengthBytes != WeightMatrix.PackedSize(type, rows, columns))
        {
            return null;
        }

        return WeightMatrix.FromPacked(type, rows, columns, _file.View.Slice(entry.OffsetBytes, entry.LengthBytes));
    }

    public void Dispose() => _file.Dispose();

    private static bool AllIntact(NativeView file, Dictionary<string, PackedEntry> entries, ComputePool pool)
    {
        var work = new CheckWork { File = file, Entries = [.. entries.Values] };
        pool.Run(ref work, work.Entries.Length);
        return work.Broken == 0;
    }

    /// <summary>Reads every matrix through, which also brings its pages in.</summary>
    private struct CheckWork : IParallelWork
    {
        public NativeView File;
        public PackedEntry[] Entries;
        public int Broken;

        public void Execute(int begin, int end, int worker)
        {
            for (int i = begin; i < end; i++)
            {
                if (PackedCacheChecksum.Of(File.Slice(Entries[i].OffsetBytes, Entries[i].LengthBytes)) != Entries[i].Checksum)
                    Interlocked.Increment(ref Broken);
            }
        }
    }
}
