using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>One region of a node: registered memory, its slot table, and who may change it.</summary>
/// <remarks>
/// Owned by <see cref="NodeStore"/>, and by a compute process for its own mapping of it. Any thread may call any member; one lock orders everything that changes slots, reads take
/// no lock and check the slot's sequence instead. Memory outlives its release until the last operation inside has left.
/// </remarks>
internal sealed unsafe class Region
{
    private const int ReadAttemptsMax = 64;

    private readonly Lock _writing = new();
    private readonly SafeHandle _memory;
    private readonly byte* _base;
    private readonly ulong _incarnation;

    private Region(RegionId id, RegionLayout layout, ComputeId owner, Incarnation incarnation, SafeHandle memory, NativeView bytes)
    {
        Invariant.Check(bytes.Length == layout.TotalBytes);
        Id = id;
        Layout = layout;
        Owner = owner;
        _incarnation = incarnation.Value;
        _memory = memory;
        _base = bytes.Pointer;
    }

    /// <summary>A new, empty region of a node.</summary>
    public static Region Register(
        RegionId id, RegionLayout layout, ComputeId owner, Epoch epoch, Incarnation incarnation, SafeHandle memory, NativeView bytes)
    {
        var region = new Region(id, layout, owner, incarnation, memory, bytes);
        region.Control->Epoch = epoch.Value;
        Volatile.Write(ref region.Control->Incarnation, incarnation.Value);
        return region;
    }

    /// <summary>The same region as its owner maps it: the operations below are then one-sided, the node's process has no part in them.</summary>
    public static Region Attach(RegionId id, RegionLayout layout, ComputeId owner, Incarnation incarnation, SharedMapping mapping) =>
        new(id, layout, owner, incarnation, mapping, mapping.View);

    public RegionId Id { get; }

    public RegionLayout Layout { get; }

    /// <summary>The compute process it is allotted to.</summary>
    public ComputeId Owner { get; }

    /// <summary>Requests with an older epoch are refused.</summary>
    public Epoch Epoch => new(Volatile.Read(ref Control->Epoch));

    /// <summary>The memory when other processes can map it, else null.</summary>
    public SharedMapping? Shared => _memory as SharedMapping;

    /// <summary>Keeps the memory while an operation runs; false when the region has been released.</summary>
    public bool TryEnter()
    {
        var entered = false;
        try
        {
            _memory.DangerousAddRef(ref entered);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        return entered;
    }

    /// <summary>Ends what <see cref="TryEnter"/> began.</summary>
    public void Leave() => _memory.DangerousRelease();

    /// <summary>Raises the epoch; never lowers it.</summary>
    public void Fence(Epoch epoch)
    {
        lock (_writing)
            Volatile.Write(ref Control->Epoch, Math.Max(Control->Epoch, epoch.Value));
    }

    /// <summary>Gives the memory back as soon as nobody is inside.</summary>
    public void Release()
    {
        // A client that still maps it must neither keep the pages nor read what was there.
        Shared?.Discard();
        _memory.Dispose();
    }

    /// <summary>Gives up this process's mapping as soon as nobody is inside; the node keeps the memory.</summary>
    public void Unmap() => _memory.Dispose();

    public WireStatus Write(ulong offset, Generation generation, Epoch epoch, NativeView bytes, uint checksum)
    {
        if (!Layout.Holds(offset, (uint)bytes.Length))
            return WireStatus.OutOfRegion;
        lock (_writing)
        {
            var standing = Standing(epoch);
            if (standing != WireStatus.Done)
                return standing;
            var head = Slot(offset);
            if (head->Generation == generation.Value && head->Length == bytes.Length)
                return head->Checksum == checksum ? WireStatus.Done : WireStatus.BadRequest; // a retry
            var granules = Granules((uint)bytes.Length);
            for (var i = 0; i < granules; i++)
            {
                if (head[i].Generation >= generation.Value)
                    return WireStatus.Superseded;
            }
            var sequence = BeginChange(head);
            RetireOverlapped(head, granules);
            Unsafe.CopyBlockUnaligned(Data(offset), bytes.Pointer, (uint)bytes.Length);
            for (var i = 0; i < granules; i++)
            {
                head[i].Generation = generation.Value;
                head[i].Length = 0;
            }
            head->Length = (uint)bytes.Length;
            head->Checksum = checksum;
            head->Epoch = epoch.Value;
            Volatile.Write(ref head->Sequence, sequence + 1);
            // One-sided, the region may have been taken away in between: then nobody will find what was stored.
            Interlocked.MemoryBarrier();
            return Standing(epoch);
        }
    }

    /// <summary>A snapshot of a fragment's bytes with the checksum they were stored under; the caller compares the two.</summary>
    public WireStatus Read(ulong offset, Generation generation, NativeView destination, out uint checksum)
    {
        checksum = 0;
        if (!Layout.Holds(offset, (uint)destination.Length))
            return WireStatus.OutOfRegion;
        var head = Slot(offset);
        for (var attempt = 0; attempt < ReadAttemptsMax; attempt++)
        {
            var sequence = Volatile.Read(ref head->Sequence);
            if ((sequence & 1) == 0)
            {
                if (head->Generation != generation.Value || head->Length != destination.Length)
                    return WireStatus.NoSuchFragment;
                checksum = head->Checksum;
                Unsafe.CopyBlockUnaligned(destination.Pointer, Data(offset), (uint)destination.Length);
                // The copy's loads must not sink below the second look at the sequence.
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref head->Sequence) == sequence)
                    return WireStatus.Done;
            }
            Thread.SpinWait(20);
        }
        return WireStatus.NoSuchFragment;
    }

    public WireStatus Free(ulong offset, Generation generation, Epoch epoch)
    {
        if (!Layout.Holds(offset, 1))
            return WireStatus.OutOfRegion;
        lock (_writing)
        {
            var standing = Standing(epoch);
            if (standing != WireStatus.Done)
                return standing;
            var head = Slot(offset);
            // Anything else was freed before and perhaps written again since: a retry changes nothing.
            if (head->Generation == generation.Value && head->Length != 0)
            {
                var sequence = BeginChange(head);
                head->Length = 0;
                Volatile.Write(ref head->Sequence, sequence + 1);
            }
            return WireStatus.Done;
        }
    }

    /// <summary>Flips a bit, as failing memory would: for tests and for the chaos run, which must see it found.</summary>
    public void Corrupt(ulong offset)
    {
        Invariant.Check(offset < (ulong)Layout.DataBytes);
        *Data(offset) ^= 1;
    }

    /// <summary>The first fragment at or after a granule; length 0 when there is none.</summary>
    public FragmentRange FindFragment(int granule)
    {
        for (var at = granule; at < Layout.Granules; at++)
        {
            var head = Slot((ulong)at * RegionLayout.GranuleBytes);
            if (head->Length != 0)
                return new FragmentRange(Id, (ulong)at * RegionLayout.GranuleBytes, head->Length, new Generation(head->Generation));
        }
        return default;
    }

    /// <summary>Whether a requester with this epoch may still change the region.</summary>
    private WireStatus Standing(Epoch epoch) => Volatile.Read(ref Control->Incarnation) != _incarnation
        ? WireStatus.NoSuchRegion
        : epoch.Value < Volatile.Read(ref Control->Epoch) ? WireStatus.Fenced : WireStatus.Done;

    private static int Granules(uint length) => (int)((length + RegionLayout.GranuleBytes - 1) / RegionLayout.GranuleBytes);

    private static uint BeginChange(SlotHeader* head)
    {
        // A writer that died in between left it odd; this one takes over.
        var odd = Volatile.Read(ref head->Sequence) | 1;
        Volatile.Write(ref head->Sequence, odd);
        Interlocked.MemoryBarrier();
        return odd;
    }

    /// <summary>A fragment that starts inside the range is gone once its bytes are written over; its readers must see that.</summary>
    private static void RetireOverlapped(SlotHeader* head, int granules)
    {
        for (var i = 1; i < granules; i++)
        {
            if (head[i].Length == 0)
                continue;
            var sequence = BeginChange(head + i);
            head[i].Length = 0;
            Volatile.Write(ref head[i].Sequence, sequence + 1);
        }
    }

    // SAFETY: the control page is the first of the mapping.
    private RegionControl* Control => (RegionControl*)_base;

    // SAFETY: callers have checked the offset with Holds and are inside TryEnter; table and data lie in one mapping.
    private SlotHeader* Slot(ulong offset) =>
        (SlotHeader*)(_base + RegionLayout.ControlBytes) + offset / RegionLayout.GranuleBytes;

    private byte* Data(ulong offset) => _base + Layout.DataOffset + offset;
}
