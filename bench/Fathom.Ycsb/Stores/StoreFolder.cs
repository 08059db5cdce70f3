using System.Runtime.InteropServices;

namespace Fathom.Ycsb.Stores;

/// <summary>What stores have in common on disk and as native libraries.</summary>
internal static class StoreFolder
{
    /// <summary>Bytes that the files of a folder have.</summary>
    public static long Bytes(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);

    /// <summary>Loads a native library by path or name.</summary>
    /// <exception cref="YcsbException">It is not there.</exception>
    public static nint LoadLibrary(string name, string package)
    {
        try
        {
            return NativeLibrary.Load(name);
        }
        catch (DllNotFoundException missing)
        {
            throw new YcsbException($"{name} is not there; Debian has it in {package}.", missing);
        }
    }
}
