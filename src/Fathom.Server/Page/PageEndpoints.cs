using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fathom.Server.Page;

/// <summary>The chat page at / and its two files, from embedded resources. The page talks to the same API as every client.</summary>
internal static class PageEndpoints
{
    // Only the page's own files run or load; nothing may frame it, and nothing leaves for another host.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly string[] s_methods = [HttpMethods.Get, HttpMethods.Head];

    public static void Map(IEndpointRouteBuilder routes)
    {
        MapAsset(routes, "/", "index.html", "text/html; charset=utf-8");
        MapAsset(routes, "/chat.css", "chat.css", "text/css; charset=utf-8");
        MapAsset(routes, "/chat.js", "chat.js", "text/javascript; charset=utf-8");
    }

    private static void MapAsset(IEndpointRouteBuilder routes, string path, string file, string contentType)
    {
        var content = Load(file);
        var entityTag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..8])}\"";
        routes.MapMethods(path, s_methods, context => RespondAsync(context, content, contentType, entityTag));
    }

    private static async Task RespondAsync(HttpContext context, byte[] content, string contentType, string entityTag)
    {
        var response = context.Response;
        response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        // Always asked again, answered with 304 while unchanged: an update shows at the next visit.
        response.Headers.CacheControl = "no-cache";
        response.Headers.ETag = entityTag;
        if (context.Request.Headers.IfNoneMatch == entityTag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = contentType;
        response.ContentLength = content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(content, context.RequestAborted);
    }

    private static byte[] Load(string file)
    {
        using var stream = typeof(PageEndpoints).Assembly.GetManifestResourceStream($"Fathom.Server.Page.{file}")
            ?? throw new InvalidOperationException($"the embedded resource {file} is missing");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
