using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Fathom.Bpf.Authoring;
using Fathom.Bpf.Compiler;
using Fathom.Bpf.Verification;
using Fathom.Storage;

#pragma warning disable CS0649 // Blocks and scratch memory fill these fields.

namespace Fathom.KernelGuest;

/// <summary>A look-up in a B+-tree, written in C#, compiled to eBPF, run by each engine, in the kernel too.</summary>
internal static unsafe class CompiledCases
{
    private const int FanOut = 31;
    private const int NodeBytes = 512;
    private const int Levels = 3;

    public static (string Name, Action Body)[] All { get; } =
    [
        ("Compiled_WalkFromCSharp_FindsTheSameOnEachEngine", Walks),
        ("Compiled_WithoutALicence_IsTurnedDown", WithoutLicence),
    ];

    internal struct Node
    {
        public uint Level;
        public uint Count;
        public fixed ulong Keys[FanOut];
        public fixed ulong Children[FanOut];
    }

    internal struct Query
    {
        public ulong Key;
        public ulong Value;
        public ulong Found;
    }

    [StorageFunction(License = "GPL")]
    public static int Walk(ref StepContext context)
    {
        ref readonly var node = ref context.Data<Node>(0);
        ref var query = ref context.Scratch<Query>(0);
        if (Unsafe.IsNullRef(in node) || Unsafe.IsNullRef(in query))
            return -5;
        var position = -1;
        for (var i = 0; i < FanOut; i++)
        {
            if (i >= node.Count || node.Keys[i] > query.Key)
                break;
            position = i;
        }
        if (position < 0 || position >= FanOut)
        {
            context.Done = 1;
            return 0;
        }
        if (node.Level != 0)
        {
            context.Request(0, node.Children[position], NodeBytes);
            return 0;
        }
        if (node.Keys[position] == query.Key)
        {
            query.Found = 1;
            query.Value = node.Children[position];
        }
        context.Done = 1;
        return 0;
    }

    [StorageFunction]
    public static int Ends(ref StepContext context)
    {
        ref var query = ref context.Scratch<Query>(0);
        if (Unsafe.IsNullRef(in query))
            return -5;
        query.Found = 1;
        context.Done = 1;
        return 0;
    }

    private static StorageFunction Compiled(StepFunction step) =>
        StorageFunction.FromProgram((VerifiedProgram)Verifier.Verify(StorageFunctionCompiler.Compile(step), ProgramType.StorageFunction));

    /// <summary>Even numbers as keys, each with ten times itself as its value; nodes level by level, the root first.</summary>
    private static byte[] Tree()
    {
        var nodes = 0;
        for (var (level, width) = (0, 1); level < Levels; level++, width *= FanOut)
            nodes += width;
        var content = new byte[nodes * NodeBytes];
        var (first, count, span) = (0, 1, FanOut * FanOut);
        for (var level = Levels - 1; level >= 0; level--, span /= FanOut)
        {
            for (var i = 0; i < count; i++)
            {
                var node = content.AsSpan((first + i) * NodeBytes, NodeBytes);
                BinaryPrimitives.WriteInt32LittleEndian(node, level);
                BinaryPrimitives.WriteInt32LittleEndian(node[4..], FanOut);
                for (var j = 0; j < FanOut; j++)
                {
                    var key = ((i * FanOut) + j) * span * 2;
                    var child = level == 0 ? key * 10 : (first + count + (i * FanOut) + j) * NodeBytes;
                    BinaryPrimitives.WriteInt64LittleEndian(node[(8 + (8 * j))..], key);
                    BinaryPrimitives.WriteInt64LittleEndian(node[(8 + (8 * FanOut) + (8 * j))..], child);
                }
            }
            first += count;
            count *= FanOut;
        }
        return content;
    }

    private static void Walks()
    {
        var path = Guest.Write("compiled", Tree());
        var walk = Compiled(Walk);
        foreach (var kind in new[] { EngineKind.Threads, EngineKind.Uring, EngineKind.Kernel })
        {
            using var file = StorageFile.Open(path, new StorageFileOptions { Engine = new() { Kind = kind } });
            for (var key = 0; key < FanOut * FanOut * FanOut * 2; key += 211)
            {
                var scratch = new byte[sizeof(Query)];
                BinaryPrimitives.WriteInt64LittleEndian(scratch, key);
                var result = file.Engine.Run(new ChainRequest(file, walk, 0, NodeBytes, scratch));
                Check.That(result.IsDone && result.Hops == Levels, $"{kind}: {result}");
                var found = BinaryPrimitives.ReadInt64LittleEndian(scratch.AsSpan(16)) == 1;
                Check.Equal(key % 2 == 0, found, $"{kind}: found {key}");
                Check.Equal(found ? key * 10L : 0, BinaryPrimitives.ReadInt64LittleEndian(scratch.AsSpan(8)), $"{kind}: value of {key}");
            }
        }
    }

    private static void WithoutLicence()
    {
        using var file = StorageFile.Open(Guest.Write("unlicensed", new byte[NodeBytes]), new StorageFileOptions { Engine = new() { Kind = EngineKind.Kernel } });
        try
        {
            file.Engine.Run(new ChainRequest(file, Compiled(Ends), 0, NodeBytes, new byte[sizeof(Query)]));
        }
        catch (FunctionLoadException refused)
        {
            Check.That(refused.Message.Contains("GPL", StringComparison.Ordinal), refused.Message);
            return;
        }
        throw new InvalidOperationException("the kernel took it");
    }
}
