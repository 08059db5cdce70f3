using System.Runtime.CompilerServices;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution;

/// <summary>Atomic operations on native memory, each giving the old value; both engines call these.</summary>
/// <remarks>
/// All are sequentially consistent, as the kernel's full-barrier forms are. Source: RFC 9669, section 5.3. Never inlined: in compiled
/// programs the runtime was seen to move a later load of the same bytes ahead of an inlined atomic addition.
/// </remarks>
internal static unsafe class AtomicAccess
{
    // SAFETY of every dereference here: the address was proved by the verifier or checked against the run's regions, and is aligned.

    /// <summary>A read-modify-write of 8 bytes.</summary>
    /// <param name="operation">With or without the fetch flag.</param>
    /// <param name="address">Aligned to 8.</param>
    /// <param name="operand">The source register.</param>
    /// <param name="expected">R0, for compare and exchange.</param>
    /// <returns>The old value.</returns>
    public static ulong Apply64(AtomicOperation operation, ulong address, ulong operand, ulong expected) =>
        (operation | AtomicOperation.Fetch) switch
        {
            AtomicOperation.Add | AtomicOperation.Fetch => Add64(address, operand),
            AtomicOperation.Or | AtomicOperation.Fetch => Or64(address, operand),
            AtomicOperation.And | AtomicOperation.Fetch => And64(address, operand),
            AtomicOperation.Xor | AtomicOperation.Fetch => Xor64(address, operand),
            AtomicOperation.Exchange => Exchange64(address, operand),
            _ => CompareExchange64(address, operand, expected),
        };

    /// <summary>As <see cref="Apply64"/> with 4 bytes; the old value zero-extends.</summary>
    public static ulong Apply32(AtomicOperation operation, ulong address, ulong operand, ulong expected) =>
        (operation | AtomicOperation.Fetch) switch
        {
            AtomicOperation.Add | AtomicOperation.Fetch => Add32(address, operand),
            AtomicOperation.Or | AtomicOperation.Fetch => Or32(address, operand),
            AtomicOperation.And | AtomicOperation.Fetch => And32(address, operand),
            AtomicOperation.Xor | AtomicOperation.Fetch => Xor32(address, operand),
            AtomicOperation.Exchange => Exchange32(address, operand),
            _ => CompareExchange32(address, operand, expected),
        };

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Add64(ulong address, ulong operand) => Interlocked.Add(ref *(ulong*)address, operand) - operand;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Or64(ulong address, ulong operand) => Interlocked.Or(ref *(ulong*)address, operand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong And64(ulong address, ulong operand) => Interlocked.And(ref *(ulong*)address, operand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Exchange64(ulong address, ulong operand) => Interlocked.Exchange(ref *(ulong*)address, operand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong CompareExchange64(ulong address, ulong operand, ulong expected) => Interlocked.CompareExchange(ref *(ulong*)address, operand, expected);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Xor64(ulong address, ulong operand)
    {
        while (true)
        {
            var seen = Volatile.Read(ref *(ulong*)address);
            if (Interlocked.CompareExchange(ref *(ulong*)address, seen ^ operand, seen) == seen)
                return seen;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Add32(ulong address, ulong operand) => Interlocked.Add(ref *(uint*)address, (uint)operand) - (uint)operand;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Or32(ulong address, ulong operand) => Interlocked.Or(ref *(uint*)address, (uint)operand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong And32(ulong address, ulong operand) => Interlocked.And(ref *(uint*)address, (uint)operand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Exchange32(ulong address, ulong operand) => Interlocked.Exchange(ref *(uint*)address, (uint)operand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong CompareExchange32(ulong address, ulong operand, ulong expected) =>
        Interlocked.CompareExchange(ref *(uint*)address, (uint)operand, (uint)expected);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Xor32(ulong address, ulong operand)
    {
        while (true)
        {
            var seen = Volatile.Read(ref *(uint*)address);
            if (Interlocked.CompareExchange(ref *(uint*)address, seen ^ (uint)operand, seen) == seen)
                return seen;
        }
    }

    /// <summary>Load of 1, 2, 4 or 8 bytes that no later access passes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong LoadAcquire(ulong address, int bytes) => bytes switch
    {
        1 => Volatile.Read(ref *(byte*)address),
        2 => Volatile.Read(ref *(ushort*)address),
        4 => Volatile.Read(ref *(uint*)address),
        _ => Volatile.Read(ref *(ulong*)address),
    };

    /// <summary>Store of 1, 2, 4 or 8 bytes that passes no earlier access.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StoreRelease(ulong address, ulong value, int bytes)
    {
        switch (bytes)
        {
            case 1:
                Volatile.Write(ref *(byte*)address, (byte)value);
                break;
            case 2:
                Volatile.Write(ref *(ushort*)address, (ushort)value);
                break;
            case 4:
                Volatile.Write(ref *(uint*)address, (uint)value);
                break;
            default:
                Volatile.Write(ref *(ulong*)address, value);
                break;
        }
    }
}
