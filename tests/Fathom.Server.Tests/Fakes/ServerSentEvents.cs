using System.Text.Json;

namespace Fathom.Server.Tests.Fakes;

/// <summary>Reads server-sent events as a client does, and holds them to the form that clients rely on.</summary>
internal static class ServerSentEvents
{
    /// <summary>The data of every event up to the end of the response.</summary>
    public static async Task<List<string>> ReadAllAsync(HttpResponseMessage response)
    {
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var body = await response.Content.ReadAsStringAsync();
        Assert.EndsWith("\n\n", body, StringComparison.Ordinal);
        var events = new List<string>();
        foreach (var block in body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.StartsWith("data: ", block, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', block);
            events.Add(block["data: ".Length..]);
        }

        return events;
    }

    /// <summary>The chunks of a stream that ended well: every event but the closing [DONE].</summary>
    public static async Task<List<JsonElement>> ReadChunksAsync(HttpResponseMessage response)
    {
        var events = await ReadAllAsync(response);
        Assert.Equal("[DONE]", events[^1]);
        return [.. events[..^1].Select(static data => JsonElement.Parse(data))];
    }
}
