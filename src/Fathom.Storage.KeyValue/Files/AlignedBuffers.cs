using Fathom.Memory;

namespace Fathom.Storage.KeyValue.Files;

/// <summary>Native buffers of one size for reads and writes that pass the page cache by; as many as there are callers at once.</summary>
internal sealed class AlignedBuffers(int bytes, int alignmentBytes) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<NativeBuffer> _idle = new();

    /// <summary>A buffer until the lease is disposed.</summary>
    public Lease Rent()
    {
        lock (_lock)
        {
            if (_idle.TryPop(out var buffer))
                return new Lease(this, buffer);
        }
        return new Lease(this, NativeBuffer.Allocate(bytes, Math.Max(4096, alignmentBytes)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            while (_idle.TryPop(out var buffer))
                buffer.Dispose();
        }
    }

    private void Return(NativeBuffer buffer)
    {
        lock (_lock)
            _idle.Push(buffer);
    }

    /// <summary>One buffer in use.</summary>
    internal readonly ref struct Lease(AlignedBuffers owner, NativeBuffer buffer)
    {
        /// <summary>Its first bytes.</summary>
        public Span<byte> Span(int count) => buffer.AsSpan<byte>(0, count);

        /// <summary>Gives it back.</summary>
        public void Dispose() => owner.Return(buffer);
    }
}
