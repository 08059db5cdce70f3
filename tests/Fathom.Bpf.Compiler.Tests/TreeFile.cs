using System.Runtime.InteropServices;
using Fathom.Bpf.Authoring;
using Fathom.Bpf.Execution;
using Fathom.Memory;

namespace Fathom.Bpf.Compiler.Tests;

/// <summary>A full B+-tree of even keys in memory, block by block; the value of a key is ten times the key.</summary>
internal sealed unsafe class TreeFile
{
    private const int BlockBytes = 512;
    private readonly List<byte[]> _blocks = [];
    private readonly ulong _root;

    public TreeFile(int levels) => _root = Build(0, levels - 1);

    /// <summary>The value, null for none; steps as the storage function asks for reads.</summary>
    public ulong? Walk(ulong key, Func<ProgramMemory, int> step)
    {
        using var context = NativeBuffer.Allocate(sizeof(StepContext));
        using var data = NativeBuffer.Allocate(BlockBytes);
        using var scratch = NativeBuffer.Allocate(64);
        ref var state = ref context.View.AsSpan<StepContext>()[0];
        ref var request = ref scratch.View.AsSpan<TreeWalk.Request>()[0];
        request.Key = key;
        var next = _root;
        for (var hop = 0; hop < 10; hop++)
        {
            state = default;
            _blocks[(int)(next / BlockBytes)].CopyTo(data.View.AsSpan<byte>());
            Assert.Equal(0, step(new ProgramMemory(context.View, data.View, scratch.View)));
            if (state.Done != 0)
                return request.Found != 0 ? request.Value : null;
            (next, var size) = state.Requested(0);
            Assert.Equal((uint)BlockBytes, size);
        }
        throw new InvalidOperationException("the walk does not end");
    }

    private ulong Build(ulong firstIndex, int level)
    {
        var block = new byte[BlockBytes];
        var words = MemoryMarshal.Cast<byte, ulong>(block.AsSpan());
        words[0] = (uint)level | ((ulong)TreeWalk.Fanout << 32);
        var below = 1UL;
        for (var i = 0; i < level; i++)
            below *= TreeWalk.Fanout;
        for (var i = 0; i < TreeWalk.Fanout; i++)
        {
            var index = firstIndex + ((ulong)i * below);
            words[1 + i] = index * 2;
            words[1 + TreeWalk.Fanout + i] = level == 0 ? index * 20 : Build(index, level - 1);
        }
        _blocks.Add(block);
        return (ulong)(_blocks.Count - 1) * BlockBytes;
    }
}
