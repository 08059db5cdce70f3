using System.Numerics;
using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Storage.Uring;

/// <summary>Blocks of 512 bytes to 64 KiB, powers of two, aligned to their size or to a page, cut from one mapping.</summary>
/// <remarks>
/// Belongs to one ring. The mapping is a row of slabs of 64 KiB; a slab is cut into blocks of one size while any of them is
/// in use and goes back to the free slabs when none is. Taking and giving back are a few instructions and allocate nothing.
/// </remarks>
internal sealed class BlockArena : IDisposable
{
    private const int SlabBytes = ChainRequest.ReadBytesMax;
    private const int SmallestShift = 9;
    private const int Orders = 8; // 512 << 7 = 64 KiB
    private const int None = -1;

    private readonly RingMapping _mapping;
    private readonly Slab[] _slabs;
    private readonly int[] _partial = new int[Orders]; // first slab of each order with a free block
    private int _free; // first slab that no order has

    private BlockArena(RingMapping mapping, int slabs)
    {
        _mapping = mapping;
        _slabs = new Slab[slabs];
        Array.Fill(_partial, None);
        for (var i = 0; i < slabs; i++)
            _slabs[i] = new Slab { Next = i + 1 < slabs ? i + 1 : None };
    }

    /// <summary>Start of the mapping.</summary>
    public nint Address => _mapping.Address;

    /// <summary>Length of the mapping.</summary>
    public nuint LengthBytes => (nuint)_slabs.Length * SlabBytes;

    /// <summary>Blocks in use.</summary>
    public int Used { get; private set; }

    /// <summary>Maps an arena; null with the reason when the system has no such memory.</summary>
    /// <param name="bytes">A multiple of 64 KiB, at least one.</param>
    /// <param name="refusal">One line.</param>
    public static BlockArena? TryCreate(int bytes, out string refusal)
    {
        Invariant.Check(bytes > 0 && bytes % SlabBytes == 0);
        var mapping = RingMapping.OfMemory((nuint)bytes, out var errno);
        refusal = mapping is null ? $"{bytes} bytes of blocks could not be mapped: {Marshal.GetPInvokeErrorMessage(errno)}" : "";
        return mapping is null ? null : new BlockArena(mapping, bytes / SlabBytes);
    }

    /// <summary>Takes a block that holds <paramref name="sizeBytes"/>; 0 when there is none.</summary>
    public nint TryTake(uint sizeBytes)
    {
        var order = OrderOf(sizeBytes);
        var index = _partial[order];
        if (index == None)
        {
            index = _free;
            if (index == None)
                return 0;
            _free = _slabs[index].Next;
            _slabs[index] = Slab.Cut(order);
            Link(index, order);
        }
        ref var slab = ref _slabs[index];
        var block = slab.Take();
        Used++;
        if (slab.IsFull)
            Unlink(index, order);
        return _mapping.Address + ((nint)index * SlabBytes) + ((nint)block << (order + SmallestShift));
    }

    /// <summary>Gives a block back.</summary>
    public void Return(nint address)
    {
        var offset = address - _mapping.Address;
        Invariant.Check(offset >= 0 && offset < (nint)LengthBytes);
        var index = (int)(offset / SlabBytes);
        ref var slab = ref _slabs[index];
        var order = slab.Order;
        var wasFull = slab.IsFull;
        slab.Return((int)(offset % SlabBytes) >> (order + SmallestShift));
        Used--;
        if (wasFull)
            Link(index, order);
        if (slab.IsEmpty)
        {
            Unlink(index, order);
            slab.Next = _free;
            _free = index;
        }
    }

    /// <summary>Unmaps the blocks; none may be with the kernel.</summary>
    public void Dispose() => _mapping.Dispose();

    /// <summary>Leaves the mapping to the kernel for good: a read into it could not be waited for.</summary>
    public void Abandon() => _mapping.SetHandleAsInvalid();

    private static int OrderOf(uint sizeBytes)
    {
        Invariant.Check(sizeBytes is > 0 and <= SlabBytes);
        return int.Max(BitOperations.Log2(sizeBytes - 1) + 1 - SmallestShift, 0);
    }

    private void Link(int index, int order)
    {
        ref var slab = ref _slabs[index];
        slab.Previous = None;
        slab.Next = _partial[order];
        if (slab.Next != None)
            _slabs[slab.Next].Previous = index;
        _partial[order] = index;
    }

    private void Unlink(int index, int order)
    {
        ref var slab = ref _slabs[index];
        if (slab.Previous == None)
            _partial[order] = slab.Next;
        else
            _slabs[slab.Previous].Next = slab.Next;
        if (slab.Next != None)
            _slabs[slab.Next].Previous = slab.Previous;
    }

    /// <summary>64 KiB cut into blocks of one order; a set bit is a free block.</summary>
    private struct Slab
    {
        private UInt128 _freeBlocks;
        private UInt128 _allBlocks;

        public int Order;
        public int Next;
        public int Previous;

        public readonly bool IsFull => _freeBlocks == UInt128.Zero;

        public readonly bool IsEmpty => _freeBlocks == _allBlocks;

        public static Slab Cut(int order)
        {
            var blocks = SlabBytes >> (order + SmallestShift);
            var all = blocks == 128 ? UInt128.MaxValue : (UInt128.One << blocks) - 1;
            return new Slab { Order = order, _freeBlocks = all, _allBlocks = all };
        }

        public int Take()
        {
            var block = (int)UInt128.TrailingZeroCount(_freeBlocks);
            _freeBlocks &= _freeBlocks - 1;
            return block;
        }

        public void Return(int block)
        {
            Invariant.Check((_freeBlocks & (UInt128.One << block)) == 0);
            _freeBlocks |= UInt128.One << block;
        }
    }
}
