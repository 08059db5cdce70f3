using Fathom.Memory;

namespace Fathom.FarMemory.Pool;

/// <summary>The bytes of a span about to leave local memory. They stay valid and unchanged until the write has its outcome.</summary>
public readonly struct SpanImage(NativeView bytes)
{
    /// <summary>The span's bytes, in native memory of the caller.</summary>
    public NativeView Bytes { get; } = bytes;
}
