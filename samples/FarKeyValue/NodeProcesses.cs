using System.Diagnostics;
using System.Globalization;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging.Abstractions;

namespace FarKeyValue;

/// <summary>Memory nodes as child processes of this program, on Unix sockets: what `fathom memory-node` is on other machines.</summary>
internal sealed class NodeProcesses : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("far-key-value").FullName;
    private readonly long _capacityBytes;
    private readonly Process[] _processes;

    public NodeProcesses(int nodes, long capacityBytes)
    {
        _capacityBytes = capacityBytes;
        Endpoints = [.. Enumerable.Range(1, nodes).Select(id => new NodeEndpoint(TransportKind.Unix, Path.Combine(_folder, $"{id}.sock")))];
        _processes = [.. Enumerable.Range(0, nodes).Select(Launch)];
    }

    public IReadOnlyList<NodeEndpoint> Endpoints { get; }

    /// <summary>The child's side: a memory node until its parent closes its standard input.</summary>
    public static void RunNode(string socket, string id, string capacityBytes)
    {
        var options = new MemoryNodeOptions
        {
            Listen = new NodeEndpoint(TransportKind.Unix, socket),
            Node = new NodeId(ushort.Parse(id, CultureInfo.InvariantCulture)),
            CapacityBytes = long.Parse(capacityBytes, CultureInfo.InvariantCulture),
        };
        using var node = MemoryNode.Start(options, NullLogger.Instance);
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
    }

    /// <summary>Ends a node as a power cut would.</summary>
    public void Kill(int index)
    {
        _processes[index].Kill();
        _processes[index].WaitForExit();
    }

    /// <summary>A new, empty node in the place of one that was killed.</summary>
    public void Restart(int index)
    {
        _processes[index].Dispose();
        File.Delete(Endpoints[index].Address);
        _processes[index] = Launch(index);
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.Kill();
            process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private Process Launch(int index)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (!Path.GetFileNameWithoutExtension(Environment.ProcessPath!).Equals("FarKeyValue", StringComparison.Ordinal))
            start.ArgumentList.Add(typeof(NodeProcesses).Assembly.Location); // started as `dotnet FarKeyValue.dll`
        foreach (var argument in new[] { "node", Endpoints[index].Address, $"{index + 1}", $"{_capacityBytes}" })
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        if (process.StandardOutput.ReadLine() != "ready")
            throw new InvalidOperationException($"Memory node {index + 1} did not start.");
        return process;
    }
}
