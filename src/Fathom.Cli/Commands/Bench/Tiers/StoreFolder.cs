using System.Globalization;

namespace Fathom.Cli.Commands.Bench.Tiers;

/// <summary>A folder for the KV stores of one benchmark; what it made there is gone with it.</summary>
internal sealed class StoreFolder : IDisposable
{
    private readonly string _path;
    private int _files;

    /// <param name="parent">Where to make it; null for the system's temporary folder.</param>
    public StoreFolder(string? parent)
    {
        _path = Path.Combine(parent ?? Path.GetTempPath(), $"fathom-tiers-{Environment.ProcessId}");
        Directory.CreateDirectory(_path);
    }

    /// <summary>A path where no file is.</summary>
    public string NewFile() => Path.Combine(_path, string.Create(CultureInfo.InvariantCulture, $"{++_files}.kv"));

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
