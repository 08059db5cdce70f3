using Microsoft.AspNetCore.Http;

namespace Fathom.Server.Http;

/// <summary>Marks endpoints that need an API key when the server has keys.</summary>
internal sealed class NeedsApiKey
{
    public static NeedsApiKey Mark { get; } = new();
}

/// <summary>Refuses requests without a valid key to marked endpoints.</summary>
internal sealed class ApiKeyGate(RequestDelegate next, ApiKeys keys)
{
    private static readonly ApiError s_missing = new(401,
        "No API key was given: send it as 'Authorization: Bearer KEY'.", ApiError.InvalidRequest, null, "missing_api_key");

    private static readonly ApiError s_invalid = new(401, "The API key is not valid.", ApiError.InvalidRequest, null, "invalid_api_key");

    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<NeedsApiKey>() is null)
            return next(context);

        var authorization = context.Request.Headers.Authorization;
        if (authorization.Count == 1 && keys.Accepts(authorization[0]))
            return next(context);
        throw new RequestRejectedException(authorization.Count == 0 ? s_missing : s_invalid);
    }
}
