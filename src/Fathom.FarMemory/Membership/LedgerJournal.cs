using System.Globalization;
using System.Text;
using Fathom.FarMemory.Integrity;
using Microsoft.Win32.SafeHandles;

namespace Fathom.FarMemory.Membership;

/// <summary>The ledger's lines in a file, each with its CRC32C; what a directory needs to go on where a killed one stopped.</summary>
/// <remarks>
/// Owned by the directory, under its lock. A line is on the drive before anybody acts on it. A torn last line is what a kill leaves and
/// is dropped; a broken line before others means that the file is not to be trusted, and is refused. Opening takes an exclusive lock.
/// </remarks>
internal sealed class LedgerJournal : ILedgerStore
{
    private readonly SafeFileHandle _file;
    private readonly SafeFileHandle _lock;
    private long _length;

    private LedgerJournal(SafeFileHandle file, SafeFileHandle exclusive)
    {
        _file = file;
        _lock = exclusive;
        _length = RandomAccess.GetLength(file);
    }

    /// <summary>Reads a file into a ledger, rewrites it as short as it can be, and keeps it open.</summary>
    /// <exception cref="LedgerException">The file is damaged, or another directory has it open.</exception>
    public static LedgerJournal Open(string path, RegionLedger ledger)
    {
        try
        {
            // The lock file outlives rewrites of the journal itself.
            var file = File.OpenHandle(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            try
            {
                if (File.Exists(path))
                    Replay(path, ledger);
                var temporary = path + ".new";
                File.WriteAllText(temporary, string.Concat(ledger.Snapshot().Select(Sealed)));
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                file.Dispose();
                throw;
            }
            return new LedgerJournal(File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read), file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new LedgerException(path, 0, failure.Message, failure);
        }
    }

    /// <summary>Appends a line and waits until the drive has it. The lock on the file keeps other directories out, so that it always may.</summary>
    public bool TryAppend(string line)
    {
        var bytes = Encoding.UTF8.GetBytes(Sealed(line));
        RandomAccess.Write(_file, bytes, _length);
        RandomAccess.FlushToDisk(_file);
        _length += bytes.Length;
        return true;
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private static void Replay(string path, RegionLedger ledger)
    {
        var lines = File.ReadAllText(path).Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0)
                continue;
            var space = lines[i].IndexOf(' ', StringComparison.Ordinal);
            var line = lines[i][(space + 1)..];
            var isWhole = space == 8 && lines[i][..8] == Checksum(line);
            if (isWhole && ledger.Apply(line))
                continue;
            if (i == lines.Length - 1)
                return; // no line end after it: the write that a kill cut off
            throw new LedgerException(path, i + 1, isWhole ? $"'{line}' contradicts the lines before it" : "its checksum does not match", null);
        }
    }

    private static string Sealed(string line) => $"{Checksum(line)} {line}\n";

    private static string Checksum(string line) => Crc32C.Compute(Encoding.UTF8.GetBytes(line)).ToString("x8", CultureInfo.InvariantCulture);
}

/// <summary>The region directory's state file cannot be used.</summary>
public sealed class LedgerException : FarMemoryException
{
    internal LedgerException(string path, int line, string reason, Exception? cause)
        : base(line == 0 ? $"{path}: {reason}" : $"{path}: line {line}: {reason}", cause)
    {
        Path = path;
        Line = line;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The line, from 1; 0 for the file as a whole.</summary>
    public int Line { get; }
}
