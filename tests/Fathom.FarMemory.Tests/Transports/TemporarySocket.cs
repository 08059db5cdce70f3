namespace Fathom.FarMemory.Tests.Transports;

/// <summary>A path for a Unix socket in a folder of its own.</summary>
internal sealed class TemporarySocket : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-node").FullName;

    public string Path => System.IO.Path.Combine(_folder, "node.sock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
