using System.Collections.Immutable;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Tests.Execution;

namespace Fathom.Bpf.Tests.Maps;

public class MapTests
{
    private static MapDefinition Definition(MapKind kind, int keyBytes = 4, int valueBytes = 8, int entriesMax = 4) =>
        new() { Name = "m", Kind = kind, KeyBytes = keyBytes, ValueBytes = valueBytes, EntriesMax = entriesMax };

    private static MapDefinition Ring(int bytes = 4096) => Definition(MapKind.RingBuffer, 0, 0, bytes);

    [Theory]
    [InlineData(MapKind.Array)]
    [InlineData(MapKind.Hash)]
    [InlineData(MapKind.PerCpuArray)]
    public void Program_LooksUpAndUpdates(MapKind kind)
    {
        const string Text = """
            *(u32 *)(r10 - 4) = 3
            *(u64 *)(r10 - 16) = 41
            r1 = map(0) ll
            r2 = r10
            r2 += -4
            r3 = r10
            r3 += -16
            r4 = 0
            call 2
            r1 = map(0) ll
            r2 = r10
            r2 += -4
            call 1
            if r0 == 0 goto none
            r1 = *(u64 *)(r0 + 0)
            r1 += 1
            *(u64 *)(r0 + 0) = r1
            r0 = r1
            exit
            none: r0 = 0
            exit
            """;
        var (outcome, _) = Run(Text, Definition(kind));
        Assert.Equal(42u, outcome.Result);
    }

    [Fact]
    public void Hash_Deletes_AndIsFullAtItsLimit()
    {
        using var map = (HashMap)BpfMap.Create(Definition(MapKind.Hash, keyBytes: 5, valueBytes: 3, entriesMax: 100));
        var expected = new Dictionary<string, byte[]>();
        var random = new Random(5);
        for (var step = 0; step < 20_000; step++)
        {
            byte[] key = [1, 2, 3, 0, (byte)random.Next(150)];
            byte[] value = [(byte)random.Next(256), 1, 2];
            var name = Convert.ToHexString(key);
            if (random.Next(3) == 0)
            {
                Assert.Equal(expected.Remove(name), map.Remove(key));
                continue;
            }
            var isNew = !expected.ContainsKey(name);
            var fits = !isNew || expected.Count < 100;
            Assert.Equal(fits, map.TrySet(key, value));
            if (fits)
                expected[name] = value;
            Assert.Equal(expected.Count, map.Count);
        }
        foreach (var (name, value) in expected)
        {
            var found = new byte[3];
            Assert.True(map.TryGet(Convert.FromHexString(name), found));
            Assert.Equal(value, found);
        }
        Assert.Equal(expected.Count * 5, map.Keys().Length);
    }

    [Theory]
    [InlineData(MapKind.Hash, MapUpdate.Exist, false)]
    [InlineData(MapKind.Hash, MapUpdate.NoExist, true)]
    [InlineData(MapKind.Array, MapUpdate.NoExist, false)]
    [InlineData(MapKind.Array, MapUpdate.Exist, true)]
    public void Update_Condition_DecidesForANewKey(MapKind kind, MapUpdate update, bool works)
    {
        using var map = (KeyedMap)BpfMap.Create(Definition(kind));
        Assert.Equal(works, map.TrySet([1, 0, 0, 0], new byte[8], update));
    }

    [Fact]
    public void Array_KeyOutOfRange_IsNoEntry()
    {
        using var map = (ArrayMap)BpfMap.Create(Definition(MapKind.Array));
        Assert.False(map.TryGet([4, 0, 0, 0], new byte[8]));
        Assert.False(map.TrySet([255, 255, 255, 255], new byte[8]));
        Assert.False(map.Remove([0, 0, 0, 0]));
        Assert.Throws<ArgumentException>(() => map.TrySet([0, 0, 0], new byte[8]));
    }

    [Fact]
    public void PerCpuArray_AddsOverProcessors()
    {
        using var map = (PerCpuArrayMap)BpfMap.Create(Definition(MapKind.PerCpuArray));
        for (var processor = 0; processor < map.Processors; processor++)
            map.Value(processor, 2)[0] = (byte)(processor + 1);
        var value = new byte[8];
        Assert.True(map.TryGet([2, 0, 0, 0], value));
        Assert.InRange(value[0], 1, map.Processors);
    }

    [Fact]
    public void Globals_AreReadAndWrittenByAddress()
    {
        var data = Definition(MapKind.Array, valueBytes: 16, entriesMax: 1) with { InitialValue = [.. BitConverter.GetBytes(7L), .. BitConverter.GetBytes(35L)] };
        var (outcome, maps) = Run("r1 = map_value(0, 8) ll\nr0 = *(u64 *)(r1 + 0)\nr2 = *(u64 *)(r1 - 8)\nr0 += r2\n*(u64 *)(r1 + 0) = r0\nexit", data);
        Assert.Equal(42u, outcome.Result);
        Assert.Equal(42, BitConverter.ToInt64(((ArrayMap)maps.Maps[0]).Value(0)[8..]));
    }

    [Fact]
    public void ReadOnlyMap_KeepsTheValuesThatProgramsWereVerifiedWith()
    {
        using var map = (ArrayMap)BpfMap.Create(Definition(MapKind.Array, entriesMax: 1) with { ReadOnly = true, InitialValue = [1, 2, 3, 4, 5, 6, 7, 8] });
        Assert.False(map.TrySet(new byte[4], new byte[8]));
        Assert.Throws<InvalidOperationException>(() => map.Value(0));
        var value = new byte[8];
        Assert.True(map.TryGet(new byte[4], value));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], value);
    }

    [Fact]
    public void ReadOnlyMap_WrittenByAnUnverifiedProgram_Faults()
    {
        var constants = Definition(MapKind.Array, entriesMax: 1) with { ReadOnly = true };
        var (outcome, _) = Run("r1 = map_value(0) ll\n*(u64 *)(r1 + 0) = 1\nr0 = 0\nexit", constants);
        Assert.Equal(RunFault.MemoryOutOfBounds, outcome.Fault);
    }

    [Fact]
    public void RingBuffer_HandsRecordsOn_InOrder()
    {
        const string Text = """
            r1 = map(0) ll
            r2 = 16
            r3 = 0
            call 131
            if r0 == 0 goto full
            *(u64 *)(r0 + 0) = 1
            *(u64 *)(r0 + 8) = 2
            r6 = r0
            r1 = map(0) ll
            r2 = 8
            r3 = 0
            call 131
            if r0 == 0 goto full
            r1 = r0
            r2 = 0
            call 133
            r1 = r6
            r2 = 0
            call 132
            *(u64 *)(r10 - 8) = 3
            r1 = map(0) ll
            r2 = r10
            r2 += -8
            r3 = 8
            r4 = 0
            call 130
            exit
            full: r0 = -1
            exit
            """;
        var (outcome, maps) = Run(Text, Ring());
        Assert.Equal(0u, outcome.Result);
        var records = new List<byte[]>();
        Assert.Equal(2, ((RingBuffer)maps.Maps[0]).Drain(record => records.Add(record.ToArray())));
        Assert.Equal([16, 8], records.Select(record => record.Length));
        Assert.Equal(3, BitConverter.ToInt64(records[1]));
    }

    [Fact]
    public void RingBuffer_WrapsAndRefusesWhenFull()
    {
        using var ring = (RingBuffer)BpfMap.Create(Ring());
        var random = new Random(3);
        var queue = new Queue<byte[]>();
        for (var step = 0; step < 5000; step++)
        {
            var record = new byte[random.Next(1, 700)];
            random.NextBytes(record);
            if (ring.Output(record) == 0)
            {
                queue.Enqueue(record);
                continue;
            }
            Assert.True(ring.BytesInUse > 4096 - 2 * 704);
            ring.Drain(read => Assert.Equal(queue.Dequeue(), read.ToArray()));
            Assert.Empty(queue);
        }
        Assert.NotEqual(0, ring.Output(new byte[4097]));
    }

    [Fact]
    public void RingBuffer_OpenRecord_HoldsBackTheNext()
    {
        using var ring = (RingBuffer)BpfMap.Create(Ring());
        var open = ring.Reserve(8);
        Assert.Equal(0, ring.Output([1]));
        Assert.Equal(0, ring.Drain(_ => Assert.Fail("too early")));
        Assert.False(ring.TryFinish(open + 8, discard: false) && ring.TryFinish(open + 8, discard: false));
        Assert.True(ring.TryFinish(open, discard: true));
        Assert.False(ring.TryFinish(open, discard: true));
        Assert.Equal(1, ring.Drain(_ => { }));
    }

    [Fact]
    public void Submit_OfNoRecord_Faults()
    {
        var (outcome, _) = Run("r1 = map_value(1) ll\nr2 = 0\ncall 132\nexit", Ring(), Definition(MapKind.Array, entriesMax: 1));
        Assert.Equal(RunFault.BadArgument, outcome.Fault);
    }

    [Fact]
    public void Trace_FormatsNumbers()
    {
        var messages = new List<string>();
        var text = string.Join('\n', "n=%d x=%llx %%\0"u8.ToArray().Select((value, i) => $"*(u8 *)(r10 - {16 - i}) = {value}"));
        var program = Assembler.Assemble($"{text}\nr1 = r10\nr1 += -16\nr2 = 16\nr3 = -5\nr4 = -1\ncall 6\nexit");
        BothEngines.Run(program, ProgramBinding.Standard with { Trace = messages.Add });
        Assert.Equal(["n=-5 x=ffffffffffffffff %", "n=-5 x=ffffffffffffffff %"], messages);
    }

    public static TheoryData<string, string> BadDefinitions() => new()
    {
        { "max_entries is 0", "array 4 8 0" },
        { "max_entries is -1", "hash 4 8 -1" },
        { "keys of 8 bytes", "array 8 8 1" },
        { "keys of 0 bytes", "hash 0 8 1" },
        { "values of 0 bytes", "hash 4 0 1" },
        { "values of 2000000 bytes", "array 4 2000000 1" },
        { "are more than", "array 4 1048576 2000000000" },
        { "a power of two", "ring 0 0 5000" },
        { "no keys", "ring 4 0 4096" },
    };

    [Theory]
    [MemberData(nameof(BadDefinitions))]
    public void Create_HostileDefinition_IsNamed(string problem, string definition)
    {
        var parts = definition.Split(' ');
        var kind = parts[0] switch { "array" => MapKind.Array, "hash" => MapKind.Hash, _ => MapKind.RingBuffer };
        var numbers = parts[1..].Select(part => int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        var error = Assert.Throws<InvalidMapException>(() => BpfMap.Create(Definition(kind, numbers[0], numbers[1], numbers[2])));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Binding_WithoutTheMap_IsTurnedDown()
    {
        var program = Assembler.Assemble("r1 = map(0) ll\nr0 = 0\nexit", maps: [Ring()]);
        Assert.Throws<BindingException>(() => Interpreter.CreateChecked(program, ProgramBinding.Standard));
    }

    private static (RunOutcome Outcome, MapSet Maps) Run(string text, params ImmutableArray<MapDefinition> definitions)
    {
        var program = Assembler.Assemble(text, maps: definitions);
        using var interpreterMaps = MapSet.Create(program);
        var interpreted = Interpreter.CreateChecked(program, ProgramBinding.Standard with { Maps = interpreterMaps }).Run(default, ExecutionLimits.Default);
        var maps = MapSet.Create(program);
        var compiled = CompiledProgram.CompileChecked(program, ProgramBinding.Standard with { Maps = maps }).Run(default, ExecutionLimits.Default);
        Assert.Equal(interpreted with { Address = 0 }, compiled with { Address = 0 });
        return (compiled, maps);
    }
}
