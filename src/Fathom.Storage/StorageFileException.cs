namespace Fathom.Storage;

/// <summary>A file cannot be opened for chains.</summary>
public sealed class StorageFileException : StorageException
{
    internal StorageFileException(string path, string problem, int errno = 0, Exception? inner = null)
        : base($"{path}: {problem}", inner)
    {
        Path = path;
        Problem = problem;
        Errno = errno;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What is wrong with it.</summary>
    public string Problem { get; }

    /// <summary>The system's error number; 0 when the system did not refuse.</summary>
    public int Errno { get; }
}
