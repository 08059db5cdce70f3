using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Trees;

/// <summary>The tree of one checkpoint and the readers on it: what it names is not given out again while one is left.</summary>
/// <remarks>Any thread may enter and exit; the store itself counts as a reader until a newer tree takes its place.</remarks>
internal sealed class TreeVersion(StoreHeader header)
{
    private int _readers = 1;

    /// <summary>What the header says.</summary>
    public StoreHeader Header { get; } = header;

    /// <summary>Whether nobody reads it any more, and nobody will.</summary>
    public bool IsDrained => Volatile.Read(ref _readers) == 0;

    /// <summary>Becomes a reader; false when the tree is drained.</summary>
    public bool TryEnter()
    {
        var readers = Volatile.Read(ref _readers);
        while (readers != 0)
        {
            var seen = Interlocked.CompareExchange(ref _readers, readers + 1, readers);
            if (seen == readers)
                return true;
            readers = seen;
        }
        return false;
    }

    /// <summary>Is no reader any more.</summary>
    public void Exit() => Interlocked.Decrement(ref _readers);
}
