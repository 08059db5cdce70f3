using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Fathom.Bpf.Authoring;

#pragma warning disable CS0649 // Blocks and scratch memory fill these fields.

namespace Fathom.Bpf.Compiler.Tests;

/// <summary>Storage functions that compute something of the data's first numbers and leave it in scratch; each is run in three ways.</summary>
internal static unsafe class EveryConstruct
{
    public struct Numbers
    {
        public long A;
        public long B;
        public int C;
        public uint D;
        public short E;
        public byte F;
        public sbyte G;
    }

    public struct Results
    {
        public fixed long Values[24];
    }

    private struct Pair
    {
        public long First;
        public int Second;
    }

    private enum Kind : byte
    {
        None,
        Some,
    }

    [StorageFunction]
    public static int Arithmetic(ref StepContext context)
    {
        ref readonly var n = ref context.Data<Numbers>(0);
        ref var r = ref context.Scratch<Results>(0);
        if (Unsafe.IsNullRef(in n) || Unsafe.IsNullRef(in r))
            return -1;
        r.Values[0] = n.A + n.B;
        r.Values[1] = n.A - n.B * 3;
        r.Values[2] = n.C / 7 + n.C % 7;
        r.Values[3] = n.D / 7 + n.D % 7;
        r.Values[4] = n.A / 1000 ^ n.B % 1000;
        r.Values[5] = (n.A << 3) | (n.B >> 5);
        r.Values[6] = (long)((ulong)n.B >> 5);
        r.Values[7] = n.C << (n.F & 31);
        r.Values[8] = n.C >> (n.F & 31);
        r.Values[9] = n.D >> (n.F & 31);
        r.Values[10] = -n.A + ~n.B;
        r.Values[11] = (sbyte)n.A + (short)n.B + (byte)n.C + (ushort)n.D;
        r.Values[12] = n.E + n.F + n.G;
        r.Values[13] = (long)BinaryPrimitives.ReverseEndianness((ulong)n.A);
        r.Values[14] = n.C * (long)n.D;
        r.Values[15] = unchecked(n.C + (int)n.D);
        r.Values[16] = n.D - n.F;
        r.Values[17] = (int)n.A;
        r.Values[18] = (uint)n.A;
        return 0;
    }

    [StorageFunction]
    public static int Conditions(ref StepContext context)
    {
        ref readonly var n = ref context.Data<Numbers>(0);
        ref var r = ref context.Scratch<Results>(0);
        if (Unsafe.IsNullRef(in n) || Unsafe.IsNullRef(in r))
            return -1;
        r.Values[0] = n.A < n.B ? 1 : 2;
        r.Values[1] = n.C <= 0 && n.D > 5 ? 3 : 4;
        r.Values[2] = n.A == n.B || n.C != n.E ? 5 : 6;
        var flag = n.D > 100;
        r.Values[3] = flag ? n.A : n.B;
        r.Values[4] = !flag == (n.C < 0) ? 7 : 8;
        r.Values[5] = (uint)n.C < n.D ? 1 : 0;
        r.Values[6] = (ulong)n.A < (ulong)n.B ? 1 : 0;
        switch (n.F & 3)
        {
            case 0:
                r.Values[7] = 10;
                break;
            case 1:
                r.Values[7] = 20;
                break;
            case 2:
                r.Values[7] = 30;
                break;
            default:
                r.Values[7] = 40;
                break;
        }
        var kind = (n.F & 1) == 0 ? Kind.None : Kind.Some;
        r.Values[8] = kind == Kind.Some ? 1 : 0;
        return n.C < 0 ? -7 : 0;
    }

    [StorageFunction]
    public static int Loops(ref StepContext context)
    {
        ref readonly var n = ref context.Data<Numbers>(0);
        ref var r = ref context.Scratch<Results>(0);
        if (Unsafe.IsNullRef(in n) || Unsafe.IsNullRef(in r))
            return -1;
        long sum = 0;
        for (var i = 0; i < 20; i++)
        {
            if ((i & 1) == 0)
                continue;
            sum += i * n.C;
        }
        r.Values[0] = sum;
        for (var i = 0; i < 24; i++)
            r.Values[i] += i;
        var post = 5;
        var before = post++;
        r.Values[1] = before * 100 + post;
        var rest = 10u;
        do
        {
            rest--;
            sum ^= rest;
        }
        while (rest != 0);
        r.Values[2] = sum;
        return 0;
    }

    [StorageFunction]
    public static int Calls(ref StepContext context)
    {
        ref readonly var n = ref context.Data<Numbers>(0);
        ref var r = ref context.Scratch<Results>(0);
        if (Unsafe.IsNullRef(in n) || Unsafe.IsNullRef(in r))
            return -1;
        var a = n.A;
        var b = n.B;
        r.Values[0] = Mix(a, b, n.C, n.D, n.F);
        r.Values[1] = Mix(b, a, n.C, n.D, n.F) + a - b;
        Pair pair = default;
        Fill(ref pair, n.A, n.C);
        r.Values[2] = pair.First + pair.Second;
        long swapped = n.A, other = n.B;
        Swap(ref swapped, ref other);
        r.Values[3] = swapped * 3 + other;
        context.Request(0, 4096, 512);
        context.Request(1, (ulong)n.D, 64);
        context.Done = 1;
        return Bounded(n.C);
    }

    /// <summary>More values alive at once than there are registers.</summary>
    [StorageFunction]
    public static int Pressure(ref StepContext context)
    {
        ref readonly var n = ref context.Data<Numbers>(0);
        ref var r = ref context.Scratch<Results>(0);
        if (Unsafe.IsNullRef(in n) || Unsafe.IsNullRef(in r))
            return -1;
        var a = n.A + 1;
        var b = n.B + 2;
        var c = n.A * 3;
        var d = n.B * 4;
        var e = a ^ b;
        var f = b ^ c;
        var g = c ^ d;
        var h = d ^ a;
        var i = Mix(a, b, 1, 2, 3);
        var j = Mix(c, d, 4, 5, 6);
        r.Values[0] = a + b + c + d;
        r.Values[1] = e * f + g * h;
        r.Values[2] = i - j;
        r.Values[3] = (a - e) * (b - f) * (c - g) * (d - h) + i * j;
        return 0;
    }

    private static long Mix(long a, long b, int c, uint d, byte e) => ((a ^ b) * 31) + (c * 7) - d + e;

    private static void Fill(ref Pair pair, long first, int second)
    {
        pair.First = first;
        pair.Second = second;
    }

    private static void Swap(ref long a, ref long b) => (a, b) = (b, a);

    private static int Bounded(int value) => value < -100 ? -100 : value > 0 ? 0 : value;
}
