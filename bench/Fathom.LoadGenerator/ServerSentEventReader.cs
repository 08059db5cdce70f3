using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace Fathom.LoadGenerator;

/// <summary>The <c>data</c> lines of a server-sent event stream, as they arrive. One reader, one stream, one caller.</summary>
/// <remarks>Each data line is taken as one event, which is how OpenAI-compatible servers write; comments and other fields are skipped.</remarks>
internal sealed class ServerSentEventReader(Stream stream) : IAsyncDisposable
{
    private const int LineBytesMax = 1024 * 1024;
    private readonly PipeReader _pipe = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

    /// <summary>The next event's data.</summary>
    /// <returns>Null when the stream ended after a whole line.</returns>
    /// <exception cref="InvalidDataException">The stream ended inside a line, or a line is longer than 1 MiB.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async ValueTask<string?> ReadDataAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await _pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            while (TryCutLine(ref buffer, out var line))
            {
                if (DataOf(line) is not { } data)
                    continue;
                _pipe.AdvanceTo(buffer.Start);
                return data;
            }
            if (buffer.Length > LineBytesMax)
                throw new InvalidDataException("a line of the event stream is longer than 1 MiB");
            if (result.IsCompleted)
                return buffer.IsEmpty ? null : throw new InvalidDataException("the event stream ended inside a line");
            _pipe.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    public ValueTask DisposeAsync() => _pipe.CompleteAsync();

    private static bool TryCutLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        if (buffer.PositionOf((byte)'\n') is not { } end)
        {
            line = default;
            return false;
        }
        line = buffer.Slice(0, end);
        buffer = buffer.Slice(buffer.GetPosition(1, end));
        return true;
    }

    private static string? DataOf(ReadOnlySequence<byte> line)
    {
        var text = Encoding.UTF8.GetString(line).TrimEnd('\r');
        if (!text.StartsWith("data:", StringComparison.Ordinal))
            return null;
        return text.AsSpan(5) is [' ', .. var rest] ? rest.ToString() : text[5..];
    }
}
