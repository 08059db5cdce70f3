using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.Swap;

/// <summary>An object could not be brought to local memory now. Its bytes may still be there: a later attempt may succeed.</summary>
public sealed class SwapInFailedException : FarMemoryException
{
    internal SwapInFailedException(SpanId span, int objectIndex, ReadStatus status)
        : base($"Object {objectIndex} of far span {span.Value} was not read: {status}.")
    {
        Span = span;
        ObjectIndex = objectIndex;
        Status = status;
    }

    /// <summary>The span that was asked for.</summary>
    public SpanId Span { get; }

    /// <summary>Which of its objects was asked for.</summary>
    public int ObjectIndex { get; }

    /// <summary>How the read ended.</summary>
    public ReadStatus Status { get; }
}
