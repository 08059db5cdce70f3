namespace Fathom.Server.Tests.Fakes;

/// <summary>One running server for all tests of a class that only send requests.</summary>
public sealed class EchoServerFixture : IAsyncLifetime
{
    internal RunningServer Server { get; private set; } = null!;

    public async Task InitializeAsync() => Server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await Server.DisposeAsync();
}
