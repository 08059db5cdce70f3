// A key-value service whose data is five times its local memory, on eight memory nodes of which two are killed under it.
// Usage: FarKeyValue [megabytes of data, 100] [seconds, 12]

using System.Globalization;
using FarKeyValue;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;
using Microsoft.Extensions.Logging.Abstractions;

if (args is ["node", var socket, var id, var capacityBytes])
{
    NodeProcesses.RunNode(socket, id, capacityBytes);
    return 0;
}

const int valueBytes = 4096;
const int clients = 4;
var dataBytes = (args.Length > 0 ? long.Parse(args[0], CultureInfo.InvariantCulture) : 100) << 20;
var seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 12;

// Far memory: nodes, the directory that allots their regions, and the pool that codes spans over them. A set needs six nodes
// (4 data + 2 parity): eight leave enough for new sets when two are dead.
using var nodes = new NodeProcesses(nodes: 8, capacityBytes: dataBytes);
await using var directory = RegionDirectory.Start(
    new RegionDirectoryOptions { Nodes = nodes.Endpoints, RegionBytes = 16 << 20 }, NullLogger.Instance);
await using var pool = HostedFarPool.Open(new FarPoolOptions(), directory, NullLogger.Instance);

// The service: a heap that keeps a fifth of the data in this process.
using var heap = new FarHeap(pool, new FarHeapOptions { LocalMemoryBytes = dataBytes / 5 });
using var service = new KeyValueService(heap);
var load = new Load(service, (int)(dataBytes / valueBytes), valueBytes, clients);
load.Fill();
Console.WriteLine($"{service.Count} values of {valueBytes} bytes, {dataBytes >> 20} MiB; {dataBytes / 5 >> 20} MiB of them may be here");

using var stopping = new CancellationTokenSource();
var threads = Enumerable.Range(0, clients).Select(client => new Thread(() => load.Run(client, stopping.Token))).ToList();
threads.ForEach(thread => thread.Start());
using var everySecond = new PeriodicTimer(TimeSpan.FromSeconds(1));
var (lastOperations, lastHeap, lastPool) = (0L, heap.Counters, pool.Counters);
Console.WriteLine(" second      ops/s  slowest ms   swap-ins   degraded    rebuilt");
for (var second = 1; second <= seconds; second++)
{
    await everySecond.WaitForNextTickAsync();
    var (operations, nowHeap, nowPool) = (load.Operations, heap.Counters, pool.Counters);
    var did = second == seconds / 3 ? "nodes 1 and 5 killed" : second == seconds * 2 / 3 ? "both back, empty" : "";
    Console.WriteLine(
        $"{second,7} {operations - lastOperations,10} {load.TakeSlowestUs() / 1000.0,11:F1} {nowHeap.SwapIns - lastHeap.SwapIns,10}" +
        $" {nowPool.DegradedReads - lastPool.DegradedReads,10} {nowPool.FragmentsRebuilt - lastPool.FragmentsRebuilt,10}  {did}");
    (lastOperations, lastHeap, lastPool) = (operations, nowHeap, nowPool);
    if (second == seconds / 3)
    {
        nodes.Kill(0);
        nodes.Kill(4);
    }
    if (second == seconds * 2 / 3)
    {
        nodes.Restart(0);
        nodes.Restart(4);
    }
}
await stopping.CancelAsync();
threads.ForEach(thread => thread.Join());
load.CheckAll();
Console.WriteLine($"{load.Operations} operations and every value once more: {load.Wrong} wrong, {pool.Counters.SpansLost} spans lost");
return load.Wrong == 0 ? 0 : 1;
