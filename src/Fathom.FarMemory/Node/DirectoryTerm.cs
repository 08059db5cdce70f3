namespace Fathom.FarMemory.Node;

/// <summary>The highest term of a region directory that this node has met; one with a lower term has been replaced and is refused.</summary>
internal sealed class DirectoryTerm
{
    private readonly Lock _lock = new();
    private ulong _highest;

    public bool Accept(ulong term)
    {
        lock (_lock)
        {
            if (term < _highest)
                return false;
            _highest = term;
            return true;
        }
    }
}
