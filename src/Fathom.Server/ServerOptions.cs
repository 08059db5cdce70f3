using System.Globalization;
using System.Net;

namespace Fathom.Server;

/// <summary>How the HTTP server runs. Immutable; <see cref="Validate"/> checks every value.</summary>
public sealed record ServerOptions
{
    /// <summary>IP address to listen on; the default is this machine only.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>TCP port; 0 picks a free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>File with one API key a line; blank lines and lines that begin with # do not count. Null: no key is needed.</summary>
    public string? ApiKeyFile { get; init; }

    /// <summary>Largest request body in bytes.</summary>
    public long RequestBodyMaxBytes { get; init; } = 16 << 20;

    /// <summary>Most open connections; more are closed at once.</summary>
    public int ConnectionsMax { get; init; } = 4096;

    /// <summary>Time for a client to send the request line and the headers, in seconds.</summary>
    public int HeaderTimeoutSeconds { get; init; } = 15;

    /// <summary>Time after which an idle connection is closed, in seconds.</summary>
    public int IdleTimeoutSeconds { get; init; } = 120;

    /// <summary>Time that running requests have to finish once the server is told to stop, in seconds.</summary>
    public int DrainTimeoutSeconds { get; init; } = 30;

    /// <summary>Origins whose pages may call the API: <c>scheme://host[:port]</c>, or <c>*</c> for any. Empty: none but the server's own page.</summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <summary>OTLP collector for metrics and traces; null: OTEL_EXPORTER_OTLP_ENDPOINT, and nothing is exported when that is not set either.</summary>
    public string? OtlpEndpoint { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ServerOptionsException">The first value that is not allowed.</exception>
    public void Validate()
    {
        if (!IPAddress.TryParse(Address, out _))
            throw new ServerOptionsException("address", Address, "an IP address, such as 127.0.0.1, 0.0.0.0 or ::1");
        Range("port", Port, 0, IPEndPoint.MaxPort);
        Range("request-body-max-bytes", RequestBodyMaxBytes, 1024, 1L << 30);
        Range("connections-max", ConnectionsMax, 1, 1_000_000);
        Range("header-timeout-seconds", HeaderTimeoutSeconds, 1, 3600);
        Range("idle-timeout-seconds", IdleTimeoutSeconds, 1, 86_400);
        Range("drain-timeout-seconds", DrainTimeoutSeconds, 0, 86_400);
        foreach (var origin in CorsOrigins)
        {
            if (origin != "*" && !IsOrigin(origin))
                throw new ServerOptionsException("cors-origin", origin, "* or an origin such as https://example.org:8443, without path");
        }

        if (OtlpEndpoint is not null && !IsHttpUrl(OtlpEndpoint, out _))
            throw new ServerOptionsException("otlp-endpoint", OtlpEndpoint, "an http or https URL, such as http://localhost:4317");
    }

    private static void Range(string option, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new ServerOptionsException(option, value.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"between {min} and {max}"));
        }
    }

    private static bool IsHttpUrl(string text, out Uri url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url!) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps);

    private static bool IsOrigin(string text) =>
        IsHttpUrl(text, out var url) && url.GetLeftPart(UriPartial.Authority) == text.TrimEnd('/') && url.UserInfo.Length == 0;
}
