// An array, a dictionary, a B-tree and a queue, together eight times as large as the memory they may use.
// The far memory is a pool in this process: samples/FarKeyValue has one on memory nodes. Usage: FarContainers

using System.Runtime.CompilerServices;
using Fathom.FarMemory.Containers;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;

using var heap = new FarHeap(new InProcessFarPool(capacityBytes: 1L << 30), new FarHeapOptions { LocalMemoryBytes = 8 << 20 });

// An array: references into it live as long as the scope, and the compiler holds them to that.
using var readings = new FarArray<double>(heap, length: 2_000_000);
for (long i = 0; i < readings.Length; i++)
{
    using var scope = heap.EnterScope();
    readings.At(i, scope) = Math.Sqrt(i);
}
using (var scope = heap.EnterScope())
    Console.WriteLine($"array        {readings.Length * 8 >> 20} MiB, the square root of 1,999,396 is {readings.At(1_999_396, scope)}");

// A dictionary: a lookup copies the value out, a change works in place.
using var pages = new FarDictionary<int, Page>(heap);
for (var i = 0; i < 16_000; i++)
    pages.Set(i, default);
pages.TryChange(4711, 42, static (ref page, value) => page[0] = (byte)value);
pages.TryGet(4711, out var found);
Console.WriteLine($"dictionary   {pages.Count} pages of 1 KiB, page 4711 begins with {found[0]}");

// A B-tree: keys in order; long values stand beside it as bytes of their own.
using var names = new FarBTree<int, RemoteBytes>(heap);
for (var i = 0; i < 50_000; i++)
    names.Set(i * 7, heap.AllocateBytes(System.Text.Encoding.UTF8.GetBytes($"the multiple {i} of seven, {new string('.', i % 200)}")));
var next = new KeyValuePair<int, RemoteBytes>[2];
names.Read(from: 100_000, next);
using (var scope = heap.EnterScope())
    Console.WriteLine($"B-tree       {names.Count} names, after 100000 comes {next[0].Key}: {System.Text.Encoding.UTF8.GetString(next[0].Value.Deref(scope))[..27]}");

// A queue: what lies between its ends is far.
using var queue = new FarQueue<Page>(heap, capacity: 100_000);
while (queue.Count < 20_000)
    queue.TryEnqueue(found);
queue.TryDequeue(out var first);
Console.WriteLine($"queue        {queue.Count} pages wait, the first began with {first[0]}");

// An object across await: pinned, not scoped.
var pointer = heap.Allocate(new Page());
using (var pin = await heap.DerefAsync(pointer))
{
    await Task.Yield();
    pin.Value[1] = 1;
}
heap.Free(pointer);

var counters = heap.Counters;
Console.WriteLine($"local memory {counters.LocalBytes >> 20} MiB in use, {counters.FarBytes >> 20} MiB far, {counters.SwapOuts} spans sent, {counters.SwapIns} brought back");

/// <summary>A kilobyte.</summary>
[InlineArray(1024)]
internal struct Page
{
    private byte _first;
}
