using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Fathom.Models.Sources;

/// <summary>What tells two models apart: a hash over every byte of the files that decide what a model computes.</summary>
/// <remarks>
/// SHA-256 over, for each file in order of name: its name in the folder, its length, and SHA-256 of each 8 MiB of it. Files: the GGUF file,
/// or config.json and all *.safetensors of a Hugging Face folder. A copy of a model elsewhere has the same hash.
/// </remarks>
public static class ModelContentHash
{
    /// <summary>Bytes of a hash.</summary>
    public const int Bytes = SHA256.HashSizeInBytes;

    private const int ChunkBytes = 8 << 20;

    /// <summary>Hashes the model, or gives the hash that was kept when its files had the same lengths and times of change.</summary>
    /// <param name="path">GGUF file or Hugging Face folder.</param>
    /// <param name="cacheFolder">Where hashes are kept; a folder that cannot be written costs the time of hashing, nothing else.</param>
    /// <exception cref="IOException">The model cannot be read.</exception>
    public static byte[] Read(string path, string cacheFolder)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(cacheFolder);
        FileInfo[] files = FilesOf(path);
        byte[] state = StateOf(files);
        string kept = Path.Combine(cacheFolder, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(path))))[..32]}.hash");
        if (TryReadKept(kept, state) is { } known)
            return known;
        byte[] hash = Compute(path);
        Keep(kept, [.. state, .. hash]);
        return hash;
    }

    /// <summary>Hashes the model.</summary>
    /// <param name="path">GGUF file or Hugging Face folder.</param>
    /// <exception cref="IOException">The model cannot be read.</exception>
    public static byte[] Compute(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        bool isFolder = Directory.Exists(path);
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(long)];
        foreach (FileInfo file in FilesOf(path))
        {
            if (isFolder)
                whole.AppendData(Encoding.UTF8.GetBytes(file.Name));
            BinaryPrimitives.WriteInt64LittleEndian(length, file.Length);
            whole.AppendData(length);
            whole.AppendData(HashChunks(file));
        }

        return whole.GetHashAndReset();
    }

    private static byte[] HashChunks(FileInfo file)
    {
        int chunks = checked((int)((file.Length + ChunkBytes - 1) / ChunkBytes));
        var hashes = new byte[chunks * Bytes];
        using var handle = File.OpenHandle(file.FullName);
        Parallel.For(0, chunks, () => new byte[ChunkBytes], (chunk, _, buffer) =>
        {
            int read = RandomAccess.Read(handle, buffer, (long)chunk * ChunkBytes);
            if (read != Math.Min(ChunkBytes, file.Length - ((long)chunk * ChunkBytes)))
                throw new IOException($"{file.FullName}: became shorter while it was read.");
            SHA256.HashData(buffer.AsSpan(0, read), hashes.AsSpan(chunk * Bytes, Bytes));
            return buffer;
        }, _ => { });
        return hashes;
    }

    private static FileInfo[] FilesOf(string path) => Directory.Exists(path)
        ? [.. new DirectoryInfo(path).EnumerateFiles().Where(IsWeightsOrConfig).OrderBy(file => file.Name, StringComparer.Ordinal)]
        : [new FileInfo(path)];

    private static bool IsWeightsOrConfig(FileInfo file) => file.Name == "config.json" || file.Extension == ".safetensors";

    private static byte[] StateOf(FileInfo[] files)
    {
        using var state = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> facts = stackalloc byte[2 * sizeof(long)];
        foreach (FileInfo file in files)
        {
            state.AppendData(Encoding.UTF8.GetBytes(file.FullName));
            BinaryPrimitives.WriteInt64LittleEndian(facts, file.Length);
            BinaryPrimitives.WriteInt64LittleEndian(facts[sizeof(long)..], file.LastWriteTimeUtc.Ticks);
            state.AppendData(facts);
        }

        return state.GetHashAndReset();
    }

    private static byte[]? TryReadKept(string file, ReadOnlySpan<byte> state)
    {
        try
        {
            byte[] kept = File.ReadAllBytes(file);
            return kept.Length == state.Length + Bytes && kept.AsSpan(0, state.Length).SequenceEqual(state) ? kept[state.Length..] : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null; // nothing kept, or nothing readable: it is computed
        }
    }

    private static void Keep(string file, byte[] content)
    {
        string partial = $"{file}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(partial, content);
            File.Move(partial, file, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The next start computes it again.
        }
    }
}
