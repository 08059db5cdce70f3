namespace Fathom.Server.Tests;

public sealed class ServerOptionsTests
{
    public static TheoryData<ServerOptions, string, string> Refused => new()
    {
        { new ServerOptions { Address = "localhost:80" }, "address", "an IP address" },
        { new ServerOptions { Port = 65536 }, "port", "between 0 and 65535" },
        { new ServerOptions { Port = -1 }, "port", "between 0 and 65535" },
        { new ServerOptions { RequestBodyMaxBytes = 10 }, "request-body-max-bytes", "between 1024" },
        { new ServerOptions { ConnectionsMax = 0 }, "connections-max", "between 1" },
        { new ServerOptions { DrainTimeoutSeconds = -1 }, "drain-timeout-seconds", "between 0" },
        { new ServerOptions { HeaderTimeoutSeconds = 0 }, "header-timeout-seconds", "between 1" },
        { new ServerOptions { IdleTimeoutSeconds = 0 }, "idle-timeout-seconds", "between 1" },
        { new ServerOptions { CorsOrigins = ["https://a.example/path"] }, "cors-origin", "without path" },
        { new ServerOptions { CorsOrigins = ["ftp://a.example"] }, "cors-origin", "without path" },
        { new ServerOptions { OtlpEndpoint = "collector:4317" }, "otlp-endpoint", "http or https URL" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Validate_ValueNotAllowed_NamesOptionAndWhatIsAllowed(ServerOptions options, string option, string allowed)
    {
        var e = Assert.Throws<ServerOptionsException>(options.Validate);
        Assert.Equal(option, e.Option);
        Assert.Contains(option, e.Message, StringComparison.Ordinal);
        Assert.Contains($"'{e.Value}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_DefaultsAndUsualValues_Pass()
    {
        new ServerOptions().Validate();
        new ServerOptions
        {
            Address = "::1",
            Port = 0,
            CorsOrigins = ["*", "https://a.example:8443", "http://localhost/"],
            OtlpEndpoint = "http://localhost:4317",
        }.Validate();
    }
}
