using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.Bpf.Authoring;

#pragma warning disable CS0649 // Blocks and scratch memory fill these fields.

namespace Fathom.Bpf.Compiler.Tests;

/// <summary>A B+-tree walk written once: compiled to eBPF and run as it is.</summary>
internal static unsafe class TreeWalk
{
    public const int Fanout = 31;

    [StructLayout(LayoutKind.Sequential)]
    public struct Node
    {
        public uint Level;
        public uint Count;
        public fixed ulong Keys[Fanout];
        public fixed ulong Children[Fanout];
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Request
    {
        public ulong Key;
        public ulong Value;
        public uint Found;
        public uint Hops;
    }

    /// <summary>Follows the child whose key is the last that is not above the one asked for.</summary>
    [StorageFunction(License = "GPL")]
    public static int Step(ref StepContext context)
    {
        ref readonly var node = ref context.Data<Node>(0);
        if (Unsafe.IsNullRef(in node))
            return -5;
        ref var request = ref context.Scratch<Request>(0);
        if (Unsafe.IsNullRef(in request))
            return -22;
        request.Hops++;
        var position = Position(in node, request.Key);
        if (position < 0 || position >= Fanout)
        {
            context.Done = 1;
            return 0;
        }
        if (node.Level != 0)
        {
            context.Request(0, node.Children[position], 512);
            return 0;
        }
        if (node.Keys[position] == request.Key)
        {
            request.Found = 1;
            request.Value = node.Children[position];
        }
        context.Done = 1;
        return 0;
    }

    private static int Position(ref readonly Node node, ulong key)
    {
        var position = -1;
        for (var i = 0; i < Fanout; i++)
        {
            if (i >= node.Count || node.Keys[i] > key)
                break;
            position = i;
        }
        return position;
    }
}
