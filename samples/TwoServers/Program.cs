// Two engines that know of each other only a block store's address: a prompt that one computed is a hit for the other.
// Usage: TwoServers [model.gguf]. With processes it is `fathom memory blocks` and two times `fathom serve --far-memory ADDRESS`.

using System.Diagnostics;
using Fathom.FarMemory.BlockStore;
using Fathom.FarMemory.BlockStore.Remote;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Fathom.Models.Execution;
using Microsoft.Extensions.Logging.Abstractions;
using TwoServers;

var path = args.Length > 0 ? args[0] : "models/fathom-builtin.gguf";
using var model = TransformerModel.Load(path);

// The block store: far memory behind a socket. Without memory nodes here, its pool is this process's own memory.
var socket = new NodeEndpoint(TransportKind.Unix, Path.Combine(Path.GetTempPath(), $"fathom-two-servers-{Environment.ProcessId}.sock"));
using var store = new FarBlockStore(new InProcessFarPool(256 << 20), new BlockStoreOptions { CapacityBytes = 256 << 20 });
using var server = BlockServer.Start(socket, store, NullLogger.Instance);

await using var first = new Server(model, path, socket);
await using var second = new Server(model, path, socket);
var story = string.Join(' ', Enumerable.Repeat("Once upon a time a fox lived at the edge of a wood, and every evening it went down to the river.", 12));

await AskAsync("first server", first, story + " One day");
await AskAsync("second server", second, story + " One night");

static async Task AskAsync(string name, Server server, string prompt)
{
    var clock = Stopwatch.StartNew();
    var (usage, text) = await server.ContinueAsync(prompt);
    Console.WriteLine($"{name}: {usage.PromptTokens} prompt tokens, {usage.CachedTokens} of them not computed, {clock.ElapsedMilliseconds} ms: {text.Trim()}");
}
