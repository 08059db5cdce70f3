using System.Diagnostics.CodeAnalysis;
using Fathom.Memory;

namespace Fathom.Models.Gguf;

/// <summary>A memory-mapped GGUF file (versions 2 and 3): metadata and tensors.</summary>
/// <remarks>The opener owns it. Views of tensors end with it. Reading is thread-safe.</remarks>
public sealed class GgufFile : IDisposable
{
    private readonly MappedFile _file;
    private readonly Dictionary<string, GgufTensor> _byName = new(StringComparer.Ordinal);

    private GgufFile(MappedFile file, GgufDirectory directory, string path)
    {
        _file = file;
        Path = path;
        Version = (int)directory.Version;
        Metadata = directory.Metadata;
        Tensors = directory.Tensors;
        foreach (GgufTensor tensor in Tensors)
            _byName.Add(tensor.Name, tensor);
    }

    /// <summary>Path it was opened by.</summary>
    public string Path { get; }

    /// <summary>Format version, 2 or 3.</summary>
    public int Version { get; }

    /// <summary>Length of the file in bytes.</summary>
    public long Bytes => _file.Length;

    /// <summary>Key-values in file order.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Tensors in file order; none in a vocabulary-only file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Maps and checks a file.</summary>
    /// <exception cref="GgufFormatException">The file breaks the format.</exception>
    /// <exception cref="UnsupportedModelException">A version or tensor type that is not implemented.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static GgufFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            ReadOnlySpan<byte> head = file.View.Slice(0, Math.Min(file.Length, Array.MaxLength)).AsSpan<byte>();
            return new GgufFile(file, GgufDirectory.Parse(head, file.Length, path), path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Looks a tensor up by name.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out GgufTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Bytes of a tensor of this file; valid until the file is disposed.</summary>
    public NativeView View(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return _file.View.Slice(tensor.Offset, tensor.Bytes);
    }

    /// <summary>Lets the system take back the memory that holds a tensor's bytes; they stay readable.</summary>
    public void Release(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _file.Release(tensor.Offset, tensor.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
