namespace Fathom.Storage.Uring;

/// <summary>A loop and the thread that it belongs to.</summary>
internal sealed class OwnedLoop(RingLoop loop, Thread thread)
{
    public RingLoop Loop { get; } = loop;

    public Thread Thread { get; } = thread;

    /// <summary>Set when the loop was closed; its thread then makes another.</summary>
    public bool IsRetired { get; set; }
}
