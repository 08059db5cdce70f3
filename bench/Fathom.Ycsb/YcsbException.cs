namespace Fathom.Ycsb;

/// <summary>A workload file, a library or a store that the benchmark needs cannot be used.</summary>
public sealed class YcsbException : Exception
{
    internal YcsbException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
