using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Execution;

/// <summary>The state of one run besides its registers: what helpers see, and where a fault is noted.</summary>
/// <remarks>Lives on the stack of the thread that runs the program. Compiled code reads and writes the fields directly.</remarks>
public unsafe ref struct BpfRun
{
    internal byte* ContextStart;
    internal uint ContextBytes;
    internal byte* DataStart;
    internal uint DataBytes;
    internal byte* ScratchStart;
    internal uint ScratchBytes;
    internal long Fuel;
    internal int FramesLeft;
    internal RunFault Fault;
    internal int FaultInstruction;
    internal ulong FaultAddress;
    internal ProgramBinding Binding;

    /// <summary>Regions that an unverified program may touch; empty with <see cref="IsChecked"/> false for a verified one.</summary>
    internal Span<MemoryRegion> Regions;
    internal bool IsChecked;

    /// <summary>The context that R1 pointed to at the start.</summary>
    public readonly ulong ContextAddress => (ulong)ContextStart;

    /// <summary>The block of data that the program may read.</summary>
    public readonly ReadOnlySpan<byte> Data => new(DataStart, checked((int)DataBytes));

    /// <summary>The scratch memory.</summary>
    public readonly Span<byte> Scratch => new(ScratchStart, checked((int)ScratchBytes));

    /// <summary>The maps that the program is bound to.</summary>
    public readonly MapSet Maps => Binding.Maps;

    /// <summary>Where trace messages go; null when nobody listens.</summary>
    public readonly Action<string>? Trace => Binding.Trace;

    /// <summary>The map behind a helper's map argument; null (and a fault) when the argument is none.</summary>
    public BpfMap? MapAt(ulong argument)
    {
        var map = Maps.FromHandle(argument);
        if (map is null)
            Fail(RunFault.BadArgument, argument);
        return map;
    }

    /// <summary>Memory that a helper was given to read. An unverified program's is checked: a fault, and an empty span, when it is not all the program's.</summary>
    /// <param name="address">As in the argument register.</param>
    /// <param name="bytes">Its length, from another argument or from the map.</param>
    public ReadOnlySpan<byte> Readable(ulong address, uint bytes)
    {
        if (bytes > int.MaxValue || (IsChecked && !Check(address, bytes, isWrite: false)))
        {
            Fail(RunFault.MemoryOutOfBounds, address);
            return [];
        }
        // SAFETY: inside of a registered region, or proved by the verifier; the caller of the run keeps it in place.
        return new ReadOnlySpan<byte>((void*)address, (int)bytes);
    }

    /// <summary>Memory that a helper was given to fill; as <see cref="Readable"/>.</summary>
    public Span<byte> Writable(ulong address, uint bytes)
    {
        if (bytes > int.MaxValue || (IsChecked && !Check(address, bytes, isWrite: true)))
        {
            Fail(RunFault.MemoryOutOfBounds, address);
            return [];
        }
        // SAFETY: as in Readable.
        return new Span<byte>((void*)address, (int)bytes);
    }

    /// <summary>Notes a fault; the run ends when the helper returns. The first fault stays.</summary>
    public void Fail(RunFault fault, ulong address)
    {
        if (Fault != RunFault.None)
            return;
        Fault = fault;
        FaultAddress = address;
    }

    /// <summary>Whether an unverified program may make this access; notes the fault when not.</summary>
    internal bool Check(ulong address, ulong bytes, bool isWrite)
    {
        foreach (ref readonly var region in Regions)
            if (region.Holds(address, bytes) && (region.IsWritable || !isWrite))
                return true;
        Fail(RunFault.MemoryOutOfBounds, address);
        return false;
    }

    /// <summary>As <see cref="Check"/>, for an atomic access: it must also be aligned.</summary>
    internal bool CheckAtomic(ulong address, ulong bytes, bool isWrite)
    {
        if (!Check(address, bytes, isWrite))
            return false;
        if (address % bytes == 0)
            return true;
        Fail(RunFault.MisalignedAtomic, address);
        return false;
    }
}
