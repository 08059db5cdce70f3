using System.IO.Pipelines;
using System.Text;

namespace Fathom.LoadGenerator.Tests;

public sealed class ServerSentEventReaderTests
{
    [Fact]
    public async Task ReadDataAsync_BytesOneByOne_GivesWholeEvents()
    {
        var pipe = new Pipe();
        await using var reader = new ServerSentEventReader(pipe.Reader.AsStream());
        var reading = ReadAllAsync(reader);
        foreach (var octet in Encoding.UTF8.GetBytes(": hello\r\nevent: x\r\ndata: {\"é\":1}\r\n\r\ndata:b\n\ndata: \n\ndata: [DONE]\n\n"))
            await pipe.Writer.WriteAsync(new[] { octet });
        await pipe.Writer.CompleteAsync();
        Assert.Equal(["{\"é\":1}", "b", "", "[DONE]"], await reading);
    }

    [Fact]
    public async Task ReadDataAsync_SeveralEventsInOneRead_GivesEach()
    {
        await using var reader = new ServerSentEventReader(new MemoryStream("data: 1\n\ndata: 2\n\ndata: 3\n"u8.ToArray()));
        Assert.Equal(["1", "2", "3"], await ReadAllAsync(reader));
    }

    [Fact]
    public async Task ReadDataAsync_StreamEndsInsideALine_IsInvalid()
    {
        await using var reader = new ServerSentEventReader(new MemoryStream("data: 1\n\ndata: {\"cho"u8.ToArray()));
        Assert.Equal("1", await reader.ReadDataAsync(default));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await reader.ReadDataAsync(default));
    }

    [Fact]
    public async Task ReadDataAsync_LineWithoutEnd_IsRefusedBeforeItFillsMemory()
    {
        await using var reader = new ServerSentEventReader(new MemoryStream(new byte[4 * 1024 * 1024]));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await reader.ReadDataAsync(default));
    }

    private static async Task<List<string>> ReadAllAsync(ServerSentEventReader reader)
    {
        var events = new List<string>();
        while (await reader.ReadDataAsync(default) is { } data)
            events.Add(data);
        return events;
    }
}
