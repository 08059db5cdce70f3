using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.Cli.Tests.Commands.Memory;

/// <summary>What a pool acknowledged: each span is filled with a byte of its own.</summary>
internal sealed class SpanModel(IFarPool pool) : IDisposable
{
    private const int SpanBytes = 8192;
    private static readonly TimeSpan OperationTime = TimeSpan.FromSeconds(10);

    private readonly NativeBuffer _bytes = NativeBuffer.Allocate(4 * SpanBytes);
    private readonly NativeBuffer _read = NativeBuffer.Allocate(SpanBytes);
    private byte _lastFill;

    /// <summary>Spans acknowledged, and what each byte of them is; four in a row make a set.</summary>
    public List<(SpanId Id, byte Fill)> Spans { get; } = [];

    /// <summary>Writes a set of four spans; they count when the pool says that they do.</summary>
    public async Task<WriteOutcome> WriteSetAsync()
    {
        var images = new SpanImage[4];
        var ids = new SpanId[4];
        var first = _lastFill;
        for (var i = 0; i < 4; i++)
        {
            images[i] = new SpanImage(_bytes.View.Slice(i * SpanBytes, SpanBytes));
            images[i].Bytes.AsSpan<byte>().Fill(++_lastFill);
        }
        var outcome = await pool.WriteSpanSetAsync(images, ids, OperationTime);
        for (var i = 0; i < 4 && outcome.IsWritten; i++)
            Spans.Add((ids[i], (byte)(first + 1 + i)));
        return outcome;
    }

    public async Task WriteSetsAsync(int sets)
    {
        for (var i = 0; i < sets; i++)
        {
            var outcome = await WriteSetAsync();
            Assert.True(outcome.IsWritten, outcome.ToString());
        }
    }

    /// <summary>Reads a span; bytes that are read are the right ones.</summary>
    public ReadStatus Read((SpanId Id, byte Fill) span)
    {
        var status = pool.ReadSpan(span.Id, _read.View, OperationTime).Status;
        if (status == ReadStatus.Read)
            Assert.Equal(-1, _read.AsSpan<byte>(0, SpanBytes).IndexOfAnyExcept(span.Fill));
        return status;
    }

    /// <summary>Every span can be read.</summary>
    public void VerifyAll()
    {
        foreach (var span in Spans)
            Assert.Equal(ReadStatus.Read, Read(span));
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _read.Dispose();
    }
}
