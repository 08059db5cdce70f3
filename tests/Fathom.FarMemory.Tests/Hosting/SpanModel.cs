using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.Hosting;

/// <summary>What was acknowledged: each span's bytes follow from its seed, so that every read can be compared to the byte.</summary>
internal sealed class SpanModel(IFarPool pool, int spanBytes = 8192) : IDisposable
{
    private readonly NativeBuffer _bytes = NativeBuffer.Allocate((long)spanBytes * 16);
    private readonly NativeBuffer _read = NativeBuffer.Allocate(spanBytes);
    private int _lastSeed;

    public Dictionary<SpanId, int> Acknowledged { get; } = [];

    public async Task<WriteOutcome> WriteSet()
    {
        var images = new SpanImage[pool.SpansPerSet];
        var ids = new SpanId[images.Length];
        var first = _lastSeed + 1;
        for (var i = 0; i < images.Length; i++)
        {
            var view = _bytes.View.Slice((long)i * spanBytes, spanBytes);
            new Random(++_lastSeed).NextBytes(view.AsSpan<byte>());
            images[i] = new SpanImage(view);
        }
        var outcome = await pool.WriteSpanSetAsync(images, ids, LocalCluster.Patience);
        if (outcome.IsWritten)
        {
            for (var i = 0; i < ids.Length; i++)
                Acknowledged.Add(ids[i], first + i);
        }
        return outcome;
    }

    public async Task WriteSets(int sets)
    {
        for (var i = 0; i < sets; i++)
            Assert.Equal(WriteStatus.Written, (await WriteSet()).Status);
    }

    public void Release(SpanId span)
    {
        Acknowledged.Remove(span);
        pool.Release(span);
    }

    public ReadOutcome Verify(SpanId span)
    {
        var outcome = pool.ReadSpan(span, _read.View, LocalCluster.Patience);
        if (outcome.IsRead)
        {
            var expected = new byte[spanBytes];
            new Random(Acknowledged[span]).NextBytes(expected);
            Assert.True(expected.AsSpan().SequenceEqual(_read.AsSpan<byte>(0, spanBytes)), $"span {span.Value} has wrong bytes");
        }
        return outcome;
    }

    public void VerifyAll()
    {
        foreach (var span in Acknowledged.Keys)
            Assert.Equal(ReadStatus.Read, Verify(span).Status);
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _read.Dispose();
    }
}
