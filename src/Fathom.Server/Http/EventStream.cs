using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Fathom.Server.Http;

/// <summary>
/// Writes server-sent events straight into the response's pipe. One request owns it; not for two threads at once.
/// JSON text never holds a raw line break, so each event is one <c>data:</c> line.
/// </summary>
internal sealed class EventStream(HttpContext context) : IDisposable
{
    private readonly PipeWriter _pipe = context.Response.BodyWriter;
    private readonly Utf8JsonWriter _json = new(context.Response.BodyWriter, JsonResponse.WriterOptions);

    /// <summary>Sends status and headers, so that the client knows that its request was accepted.</summary>
    public async Task StartAsync()
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        // Keeps nginx from holding events back.
        response.Headers["X-Accel-Buffering"] = "no";
        await response.StartAsync(context.RequestAborted);
        await FlushAsync();
    }

    /// <summary>Begins an event whose data is the JSON value that the caller writes next.</summary>
    public Utf8JsonWriter BeginEvent()
    {
        _pipe.Write("data: "u8);
        _json.Reset(_pipe);
        return _json;
    }

    public void EndEvent()
    {
        _json.Flush();
        _pipe.Write("\n\n"u8);
    }

    /// <summary>The last event of every stream that did not fail.</summary>
    public void WriteDone() => _pipe.Write("data: [DONE]\n\n"u8);

    /// <summary>An error in mid-stream: the status line has gone out, so the envelope travels as an event.</summary>
    public void WriteError(ApiError error)
    {
        ApiErrorJson.Write(BeginEvent(), error);
        EndEvent();
    }

    /// <summary>Hands what has gathered to the socket; waits when the client reads slower than the model writes.</summary>
    /// <exception cref="OperationCanceledException">The client is gone.</exception>
    public async ValueTask FlushAsync()
    {
        var result = await _pipe.FlushAsync(context.RequestAborted);
        if (result.IsCompleted)
            throw new OperationCanceledException(context.RequestAborted);
    }

    public void Dispose() => _json.Dispose();
}
