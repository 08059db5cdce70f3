using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Swap;

/// <summary>The object's bytes are gone: more nodes of its span set died than the scheme has parities. Other objects are not concerned.</summary>
public sealed class FarObjectLostException : FarMemoryException
{
    internal FarObjectLostException(SpanId span, int objectIndex)
        : base($"Object {objectIndex} of far span {span.Value} is lost.")
    {
        Span = span;
        ObjectIndex = objectIndex;
    }

    /// <summary>The span that was lost; every object in it is.</summary>
    public SpanId Span { get; }

    /// <summary>Which of its objects was asked for.</summary>
    public int ObjectIndex { get; }
}
