namespace Fathom.FarMemory;

/// <summary>Base of every error this library reports about what lies outside it: a memory node, the pool, an object in it.</summary>
public abstract class FarMemoryException : Exception
{
    /// <summary>An error with a one-line message that names what failed.</summary>
    protected FarMemoryException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
