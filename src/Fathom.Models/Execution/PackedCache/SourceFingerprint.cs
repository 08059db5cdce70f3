using System.Buffers.Binary;
using System.Security.Cryptography;
using Fathom.Kernels.MatrixProducts;

namespace Fathom.Models.Execution.PackedCache;

/// <summary>What ties packed weights to the file they were packed from.</summary>
/// <remarks>
/// SHA-256 over the layout's version, the file's length, its time of last change, its first MiB (all metadata and the table of tensors), and
/// 4 KiB at each of 256 even places. A full hash would read the whole file at every start, which is what packed weights are there to
/// spare; a file that is rewritten changes its time, and one that is patched in place with its time put back by hand is a case that make
/// and rsync do not see either.
/// </remarks>
internal static class SourceFingerprint
{
    public const int Bytes = SHA256.HashSizeInBytes;

    private const int HeadBytes = 1 << 20;
    private const int SampleBytes = 4 << 10;
    private const int Samples = 256;

    public static byte[] Of(string path)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = File.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        Span<byte> facts = stackalloc byte[20];
        BinaryPrimitives.WriteInt32LittleEndian(facts, WeightMatrix.LayoutVersion);
        BinaryPrimitives.WriteInt64LittleEndian(facts[4..], length);
        BinaryPrimitives.WriteInt64LittleEndian(facts[12..], File.GetLastWriteTimeUtc(file).Ticks);
        hash.AppendData(facts);
        var buffer = new byte[HeadBytes];
        hash.AppendData(buffer.AsSpan(0, RandomAccess.Read(file, buffer, 0)));
        for (int i = 0; i < Samples; i++)
            hash.AppendData(buffer.AsSpan(0, RandomAccess.Read(file, buffer.AsSpan(0, SampleBytes), length / Samples * i)));
        return hash.GetHashAndReset();
    }
}
