using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Fathom.Server.Http;

/// <summary>A JSON request body in pooled memory. Its elements are valid until it is disposed.</summary>
internal sealed class RequestBody : IDisposable
{
    private const int FirstBufferBytes = 8 << 10;

    private readonly byte[] _buffer;
    private readonly JsonDocument _document;

    private RequestBody(byte[] buffer, JsonDocument document)
    {
        _buffer = buffer;
        _document = document;
        Fields = new JsonFields(document.RootElement);
    }

    public JsonFields Fields { get; }

    /// <summary>Reads and parses the whole body; Kestrel holds the size limit.</summary>
    /// <exception cref="RequestRejectedException">Not JSON by its header or by its bytes.</exception>
    /// <exception cref="BadHttpRequestException">Too large, or the client sent less than it announced.</exception>
    public static async Task<RequestBody> ReadAsync(HttpContext context)
    {
        RefuseOtherMediaTypes(context.Request);
        var length = context.Request.ContentLength;
        var buffer = ArrayPool<byte>.Shared.Rent(length is > 0 and <= 1 << 20 ? (int)length : FirstBufferBytes);
        try
        {
            var bytes = 0;
            while (true)
            {
                if (bytes == buffer.Length)
                    buffer = Grow(buffer);
                var read = await context.Request.Body.ReadAsync(buffer.AsMemory(bytes), context.RequestAborted);
                if (read == 0)
                    break;
                bytes += read;
            }

            return new RequestBody(buffer, JsonBody.Parse(buffer.AsMemory(0, bytes)));
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
            throw;
        }
    }

    public void Dispose()
    {
        _document.Dispose();
        // Prompts pass through here: the next renter must not find them.
        ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
    }

    private static byte[] Grow(byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(checked(buffer.Length * 2));
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        return larger;
    }

    private static void RefuseOtherMediaTypes(HttpRequest request)
    {
        if (!string.IsNullOrEmpty(request.Headers.ContentEncoding) && request.Headers.ContentEncoding != "identity")
            throw Unsupported("Content-Encoding must be identity: compressed request bodies are not supported.");

        // Anything but JSON is refused also because a browser sends forms and plain text across origins without asking.
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !(type.MediaType == "application/json" || type.Suffix == "json")
            || (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            throw Unsupported("Content-Type must be application/json in UTF-8.");
        }
    }

    private static RequestRejectedException Unsupported(string message) =>
        new(new ApiError(StatusCodes.Status415UnsupportedMediaType, message, ApiError.InvalidRequest, null, "unsupported_media_type"));
}
