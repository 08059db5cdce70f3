using Fathom.Server.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Fathom.Server.Http;

/// <summary>The outermost step of the pipeline: every failure leaves as the error envelope, and every request is counted.</summary>
internal sealed class ErrorBoundary(RequestDelegate next, ServerMetrics metrics, TimeProvider clock, ILogger<ErrorBoundary> logger)
{
    // nginx's status for a client that went away; it reaches the metrics only.
    private const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        var started = clock.GetTimestamp();
        var status = ClientClosedRequest;
        try
        {
            await next(context);
            await AnswerBareStatusAsync(context);
            status = context.Response.StatusCode;
        }
        catch (RequestRejectedException e)
        {
            status = await FailAsync(context, e.Error);
        }
        catch (BadHttpRequestException e)
        {
            status = await FailAsync(context, ApiError.ForStatus(e.StatusCode, context.Request.Method, context.Request.Path));
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client is gone; whatever broke because of that has nobody to tell.
        }
        catch (Exception e)
        {
            Log.RequestFailed(logger, e, context.Request.Method, RouteOf(context));
            status = await FailAsync(context, ApiError.Internal());
        }
        finally
        {
            metrics.HttpRequest(RouteOf(context), status, clock.GetElapsedTime(started).TotalSeconds);
        }
    }

    private static async Task<int> FailAsync(HttpContext context, ApiError error)
    {
        if (context.Response.HasStarted)
        {
            // Half an answer must not look like a whole one: the connection breaks.
            context.Abort();
            return error.Status;
        }

        context.Response.Clear();
        await ApiErrorJson.RespondAsync(context, error);
        return error.Status;
    }

    /// <summary>Routing answers 404 and 405 with a status alone.</summary>
    private static async Task AnswerBareStatusAsync(HttpContext context)
    {
        var response = context.Response;
        if (response.StatusCode >= 400 && !response.HasStarted && response.ContentLength is null && response.ContentType is null)
            await ApiErrorJson.RespondAsync(context, ApiError.ForStatus(response.StatusCode, context.Request.Method, context.Request.Path));
    }

    /// <summary>The route's pattern: paths that clients make up must not become metric labels or log text.</summary>
    private static string RouteOf(HttpContext context) =>
        (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(unknown)";
}
