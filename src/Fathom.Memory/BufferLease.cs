namespace Fathom.Memory;

/// <summary>The use of one pooled buffer for one scope; disposing it gives the buffer back.</summary>
/// <remarks>Do not copy it: a copy that is disposed too gives the buffer back twice.</remarks>
public ref struct BufferLease
{
    private readonly BufferPool _pool;
    private readonly long _lengthBytes;
    private NativeBuffer? _buffer;

    internal BufferLease(BufferPool pool, NativeBuffer buffer, long lengthBytes)
    {
        _pool = pool;
        _buffer = buffer;
        _lengthBytes = lengthBytes;
    }

    /// <summary>The bytes that were asked for, aligned to 64; valid until the lease is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The lease has ended.</exception>
    public readonly NativeView View
    {
        get
        {
            ObjectDisposedException.ThrowIf(_buffer is null, typeof(BufferLease));
            return _buffer.View.Slice(0, _lengthBytes);
        }
    }

    /// <summary>Ends the lease; a second call does nothing.</summary>
    public void Dispose()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            _pool.Return(buffer);
        }
    }
}
