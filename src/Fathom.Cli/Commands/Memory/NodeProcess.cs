using System.Diagnostics;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Transports;

namespace Fathom.Cli.Commands.Memory;

/// <summary>A `fathom` child process that announces its address in its first line: a memory node, or a manager.</summary>
/// <remarks>Owned by whoever started it; disposing it kills what still runs. A child of a killed parent is ended by its closed standard input.</remarks>
internal sealed class NodeProcess : IDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    private NodeProcess(Process process, NodeEndpoint endpoint)
    {
        _process = process;
        Endpoint = endpoint;
    }

    /// <summary>Where it listens.</summary>
    public NodeEndpoint Endpoint { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <exception cref="CommandException">It ended, or said nothing, instead of announcing its address.</exception>
    public static async Task<NodeProcess> StartAsync(IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = OwnProcess.With(arguments);
        start.RedirectStandardInput = true;
        // A node is one loop over native memory: it needs neither a heap of its own per core nor time to warm up twice.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        var process = Process.Start(start) ?? throw new CommandException($"{start.FileName} could not be started.");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(StartTime);
        try
        {
            var line = await process.StandardOutput.ReadLineAsync(patience.Token)
                ?? throw new CommandException($"'fathom {string.Join(' ', start.ArgumentList.Skip(1))}' ended before it listened.");
            return new NodeProcess(process, NodeEndpoint.Parse(line[(line.LastIndexOf(' ') + 1)..]));
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>SIGKILL, and waits until it is gone.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGTERM: a node drains.</summary>
    public void Terminate() => Signal("TERM");

    /// <summary>SIGSTOP.</summary>
    public void Pause() => Signal("STOP");

    /// <summary>SIGCONT.</summary>
    public void Resume() => Signal("CONT");

    public Task WaitForExitAsync(CancellationToken cancellation) => _process.WaitForExitAsync(cancellation);

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
