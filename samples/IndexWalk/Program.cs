// A sorted index on a drive, walked by a storage function: one call for a thousand look-ups, whatever the depth.
// Usage: IndexWalk [key]

using System.Buffers.Binary;
using Fathom.Storage;

const int FanOut = 32; // of 512-byte nodes: 32 first keys, then 32 children or values
const int Depth = 3;
const int NodeBytes = 512;
const int Keys = FanOut * FanOut * FanOut;
var key = args.Length > 0 ? long.Parse(args[0]) : 12_345;

var path = Path.Combine(Path.GetTempPath(), "fathom-index-walk.index");
WriteIndex(path);

// The step sees one node, finds the child for the key in its scratch and asks for it; at a leaf it leaves the value.
var walk = StorageFunction.FromDelegate((ref context, node, scratch) =>
{
    var wanted = BinaryPrimitives.ReadInt64LittleEndian(scratch);
    var child = FanOut - 1;
    while (child >= 0 && BinaryPrimitives.ReadInt64LittleEndian(node[(child * 8)..]) > wanted)
        child--;
    if (child < 0)
        return -2; // no such key
    var next = node[((FanOut + child) * 8)..];
    if (context.Hop == Depth - 1)
    {
        next[..8].CopyTo(scratch[8..]);
        context.Done = 1;
    }
    else
    {
        context.Read(0, BinaryPrimitives.ReadUInt64LittleEndian(next), NodeBytes);
    }
    return 0;
}, "walk");

using var file = StorageFile.Open(path);
Console.WriteLine($"{file.Engine.Choice.Kind}: {file.Engine.Choice.Reason}; {(file.IsDirect ? "direct reads" : "through the page cache")}");

var one = new byte[16];
BinaryPrimitives.WriteInt64LittleEndian(one, key);
var result = file.Engine.Run(new ChainRequest(file, walk, 0, NodeBytes, one));
Console.WriteLine($"key {key}: {(result.IsDone ? BinaryPrimitives.ReadInt64LittleEndian(one.AsSpan(8)) : result)}");

// Many at once: the engine keeps them in flight together, and a system call serves a hop of all that are ready.
var before = file.Engine.Counters;
var scratch = new byte[1000 * 16];
var requests = new ChainRequest[1000];
for (var i = 0; i < requests.Length; i++)
{
    var memory = scratch.AsMemory(i * 16, 16);
    BinaryPrimitives.WriteInt64LittleEndian(memory.Span, i * 7919L % Keys);
    requests[i] = new ChainRequest(file, walk, 0, NodeBytes, memory);
}
var results = new ChainResult[requests.Length];
file.Engine.RunBatch(requests, results);
var after = file.Engine.Counters;
Console.WriteLine($"{results.Count(each => each.IsDone)} look-ups, {after.Reads - before.Reads} reads, {after.SystemCalls - before.SystemCalls} system calls");

// A full tree, level after level: the value of a key is its square.
static void WriteIndex(string path)
{
    using var stream = new FileStream(path, FileMode.Create);
    var node = new byte[NodeBytes];
    for (var (level, width, firstBelow) = (0, 1L, 1L); level < Depth; level++, width *= FanOut, firstBelow += width)
    {
        var keysPerChild = (long)Math.Pow(FanOut, Depth - 1 - level);
        for (var index = 0L; index < width; index++)
        {
            for (var child = 0; child < FanOut; child++)
            {
                var first = ((index * FanOut) + child) * keysPerChild;
                var below = level == Depth - 1 ? first * first : (firstBelow + (index * FanOut) + child) * NodeBytes;
                BinaryPrimitives.WriteInt64LittleEndian(node.AsSpan(child * 8), first);
                BinaryPrimitives.WriteInt64LittleEndian(node.AsSpan((FanOut + child) * 8), below);
            }
            stream.Write(node);
        }
    }
}
