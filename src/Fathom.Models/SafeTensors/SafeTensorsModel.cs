using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Fathom.Memory;

namespace Fathom.Models.SafeTensors;

/// <summary>The weights of a Hugging Face folder: <c>model.safetensors</c>, or the shards that its index names.</summary>
/// <remarks>The opener owns it; views end with it. Reading is thread-safe.</remarks>
public sealed class SafeTensorsModel : IDisposable
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";
    private const int ShardsMax = 4096;

    private readonly List<SafeTensorsFile> _files = [];
    private readonly Dictionary<string, SafeTensorsFile> _byName = new(StringComparer.Ordinal);

    private SafeTensorsModel()
    {
    }

    /// <summary>Names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => _byName.Keys;

    /// <summary>Maps and checks the weights of a folder.</summary>
    /// <exception cref="SafeTensorsFormatException">A file or the index breaks its format, or the folder has neither.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SafeTensorsModel Open(string folder)
    {
        var model = new SafeTensorsModel();
        try
        {
            string index = Path.Combine(folder, IndexFile);
            string single = Path.Combine(folder, SingleFile);
            if (File.Exists(single))
                model.AddShard(single, expected: null);
            else if (File.Exists(index))
                model.AddShards(folder, index);
            else
                throw new SafeTensorsFormatException(folder, SingleFile, $"the folder has neither this nor {IndexFile}");
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Looks a tensor up by name.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out SafeTensor? tensor)
    {
        tensor = null;
        return _byName.TryGetValue(name, out SafeTensorsFile? file) && file.TryGetTensor(name, out tensor);
    }

    /// <summary>Bytes of a tensor; valid until the model is disposed.</summary>
    public NativeView View(SafeTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return _byName[tensor.Name].View(tensor);
    }

    /// <summary>Lets the system take back the memory that holds a tensor's bytes; they stay readable.</summary>
    public void Release(SafeTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _byName[tensor.Name].Release(tensor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafeTensorsFile file in _files)
            file.Dispose();
    }

    private void AddShards(string folder, string index)
    {
        using JsonDocument document = StrictJson.Parse(File.ReadAllBytes(index), out string problem, out Exception? cause)
            ?? throw new SafeTensorsFormatException(index, "index", problem, cause);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
            || map.ValueKind != JsonValueKind.Object)
        {
            throw new SafeTensorsFormatException(index, "weight_map", "is not an object from tensor names to files");
        }

        var shards = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            string? shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null;
            // The name comes from outside: it must stay inside the folder.
            if (string.IsNullOrEmpty(shard) || shard is "." or ".." || shard.AsSpan().IndexOfAny('/', '\\', '\0') >= 0)
                throw new SafeTensorsFormatException(index, entry.Name, $"names the file {entry.Value.GetRawText()}; a plain file name is needed");
            if (!shards.TryGetValue(shard, out List<string>? names))
                shards.Add(shard, names = []);
            names.Add(entry.Name);
            if (shards.Count > ShardsMax)
                throw new SafeTensorsFormatException(index, "weight_map", $"names more than {ShardsMax} files");
        }

        foreach ((string shard, List<string> names) in shards)
        {
            string path = Path.Combine(folder, shard);
            if (!File.Exists(path))
                throw new SafeTensorsFormatException(index, names[0], $"names the file {shard}, which is not there");
            AddShard(path, names);
        }
    }

    private void AddShard(string path, List<string>? expected)
    {
        SafeTensorsFile file = SafeTensorsFile.Open(path);
        _files.Add(file);
        foreach (SafeTensor tensor in file.Tensors)
        {
            if (!_byName.TryAdd(tensor.Name, file))
                throw new SafeTensorsFormatException(path, tensor.Name, "is also in another shard");
        }

        foreach (string name in expected ?? [])
        {
            if (!file.TryGetTensor(name, out _))
                throw new SafeTensorsFormatException(path, name, "is listed in the index but not in this file");
        }
    }
}
