using System.Buffers.Binary;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Loads, stores and atomic operations.</summary>
internal sealed class MemoryChecks(Inspection inspection, StackChecks stack, ContextChecks context)
{
    public bool CheckLoad(BpfInstruction instruction)
    {
        if (!inspection.Read(instruction.Source))
            return false;
        var signed = instruction.Mode == AccessMode.MemorySigned;
        if (!Load(instruction.Source, instruction.Offset, instruction.AccessBytes, signed, isAtomic: false, out var value))
            return false;
        inspection.Write(instruction.Destination, value);
        return true;
    }

    public bool CheckStore(BpfInstruction instruction)
    {
        if (!inspection.Read(instruction.Destination))
            return false;
        if (instruction.Class == InstructionClass.Store)
            return Store(instruction.Destination, instruction.Offset, instruction.AccessBytes, RegisterState.OfConstant((ulong)(long)instruction.Immediate), -1, isAtomic: false);
        return inspection.Read(instruction.Source) &&
            Store(instruction.Destination, instruction.Offset, instruction.AccessBytes, inspection.Register(instruction.Source), instruction.Source, isAtomic: false);
    }

    public bool CheckAtomic(BpfInstruction instruction)
    {
        var operation = (AtomicOperation)instruction.Immediate;
        if (operation == AtomicOperation.LoadAcquire)
        {
            if (!inspection.Read(instruction.Source) || !AllowsAtomic(instruction.Source) ||
                !Load(instruction.Source, instruction.Offset, instruction.AccessBytes, signed: false, isAtomic: true, out var loaded))
                return false;
            inspection.Write(instruction.Destination, loaded);
            return true;
        }
        if (!inspection.Read(instruction.Destination) || !inspection.Read(instruction.Source) || !AllowsAtomic(instruction.Destination))
            return false;
        var operand = inspection.Register(instruction.Source);
        if (operation == AtomicOperation.StoreRelease)
            return Store(instruction.Destination, instruction.Offset, instruction.AccessBytes, operand, instruction.Source, isAtomic: true);
        if (operand.IsPointer && !inspection.Limits.AllowsPointerLeaks)
            return inspection.Refuse(RejectionReason.PointerLeak, $"R{instruction.Source} leaks addr into mem");
        if (operation == AtomicOperation.CompareExchange)
        {
            if (!inspection.Read(0))
                return false;
            if (inspection.Register(0).IsPointer && !inspection.Limits.AllowsPointerLeaks)
                return inspection.Refuse(RejectionReason.PointerLeak, "R0 leaks addr into mem");
        }
        if (!Load(instruction.Destination, instruction.Offset, instruction.AccessBytes, signed: false, isAtomic: true, out var old))
            return false;
        if (old.IsPointer && !inspection.Limits.AllowsPointerLeaks)
            return inspection.Refuse(RejectionReason.PointerLeak, $"R{instruction.Destination} atomic operation on a spilled pointer");
        if (!Store(instruction.Destination, instruction.Offset, instruction.AccessBytes, RegisterState.UnknownScalar, -1, isAtomic: true))
            return false;
        var result = RegisterState.UnknownScalar;
        result.Range.Truncate(instruction.AccessBytes);
        if (operation == AtomicOperation.CompareExchange)
            inspection.Write(0, result);
        else if ((operation & AtomicOperation.Fetch) != 0)
            inspection.Write(instruction.Source, result);
        return true;
    }

    private bool AllowsAtomic(int register)
    {
        var kind = inspection.Register(register).Kind;
        return kind is not (ValueKind.Context or ValueKind.Packet or ValueKind.PacketMeta) ||
            inspection.Refuse(RejectionReason.InvalidAtomic, $"BPF_ATOMIC stores into R{register} {inspection.Register(register).KindName} is not allowed");
    }

    private bool Load(int register, int offset, int bytes, bool signed, bool isAtomic, out RegisterState value)
    {
        value = default;
        var pointer = inspection.Register(register);
        if (!IsAccessible(register, pointer) || !IsAligned(register, pointer, offset, bytes, isAtomic))
            return false;
        switch (pointer.Kind)
        {
            case ValueKind.Stack:
                if (!stack.Load(register, pointer, offset, bytes, out value))
                    return false;
                break;
            case ValueKind.Context:
                if (!context.Check(register, pointer, offset, bytes, isWrite: false, out value))
                    return false;
                if (value.IsPointer && signed)
                    return inspection.Refuse(RejectionReason.InvalidContextAccess, $"R{register} invalid {bytes}-byte context access off={offset}: a pointer is not sign-extended");
                break;
            default:
                if (!IsWithin(register, pointer, offset, bytes, zeroAllowed: false))
                    return false;
                value = ReadConstant(pointer, offset, bytes);
                break;
        }
        if (value.IsPointer)
            return true;
        // What does not fill a register is zero-extended; a link holds only for the value as it was.
        if (bytes < 8)
            value.Range.Truncate(bytes);
        if (signed && bytes < 8)
        {
            value.Range.SignExtend(bytes);
            value.Link = 0;
        }
        return true;
    }

    /// <summary>Read-only globals have the values that the object file gave them.</summary>
    private RegisterState ReadConstant(in RegisterState pointer, int offset, int bytes)
    {
        var unknown = RegisterState.UnknownScalar;
        if (pointer.Kind != ValueKind.MapValue || !pointer.Range.IsConstant)
            return unknown;
        var map = inspection.Program.Maps[pointer.MapIndex];
        var at = pointer.Offset + (long)pointer.Range.Value + offset;
        if (!map.ReadOnly || map.EntriesMax != 1 || at < 0 || at + bytes > map.InitialValue.Length)
            return unknown;
        Span<byte> raw = stackalloc byte[8];
        raw.Clear();
        map.InitialValue.AsSpan((int)at, bytes).CopyTo(raw);
        return RegisterState.OfConstant(BinaryPrimitives.ReadUInt64LittleEndian(raw));
    }

    private bool Store(int register, int offset, int bytes, in RegisterState value, int valueRegister, bool isAtomic)
    {
        var pointer = inspection.Register(register);
        if (!IsAccessible(register, pointer) || !IsAligned(register, pointer, offset, bytes, isAtomic))
            return false;
        if (pointer.Kind == ValueKind.Stack)
            return stack.Store(register, pointer, offset, bytes, value, valueRegister);
        if (value.IsPointer && (pointer.Kind == ValueKind.Context || !inspection.Limits.AllowsPointerLeaks))
            return inspection.Refuse(RejectionReason.PointerLeak, $"R{valueRegister} leaks addr into {pointer.KindName}");
        if (pointer.Kind == ValueKind.Context)
            return context.Check(register, pointer, offset, bytes, isWrite: true, out _);
        return IsWritable(register, pointer) && IsWithin(register, pointer, offset, bytes, zeroAllowed: false);
    }

    public bool IsWritable(int register, in RegisterState pointer)
    {
        if (pointer.IsReadOnly)
            return inspection.Refuse(RejectionReason.ReadOnlyMemory, $"R{register} cannot write into {pointer.KindName}");
        if (pointer.Kind == ValueKind.MapValue && inspection.Program.Maps[pointer.MapIndex] is { ReadOnly: true } map)
            return inspection.Refuse(RejectionReason.ReadOnlyMemory, $"R{register} write into map forbidden: {map.Name} is read-only");
        return true;
    }

    private bool IsAccessible(int register, in RegisterState pointer)
    {
        var isMemory = !pointer.MayBeNull && pointer.Kind is
            ValueKind.Context or ValueKind.Stack or ValueKind.MapValue or ValueKind.Memory or ValueKind.Record or ValueKind.Packet or ValueKind.PacketMeta;
        return isMemory || inspection.Refuse(RejectionReason.InvalidMemoryAccess, $"R{register} invalid mem access '{pointer.KindName}'");
    }

    private bool IsAligned(int register, in RegisterState pointer, int offset, int bytes, bool isAtomic)
    {
        var isStack = pointer.Kind == ValueKind.Stack;
        if (!isStack && !isAtomic && !inspection.Limits.RequiresAlignment)
            return true;
        var low = (uint)(bytes - 1);
        var address = pointer.Range.Bits + KnownBits.Constant((ulong)((long)pointer.Offset + offset));
        return ((address.Value | address.Mask) & low) == 0 || inspection.Refuse(
            RejectionReason.Misaligned, $"misaligned {(isStack ? "stack " : "")}access off {pointer.Range}+{pointer.Offset}+{offset} size {bytes} through R{register}");
    }

    /// <summary>The bytes from the pointer's smallest to its largest address lie within what it gives access to.</summary>
    public bool IsWithin(int register, in RegisterState pointer, int offset, long bytes, bool zeroAllowed)
    {
        if (pointer.IsPacketPointer)
            return IsWithinPacket(register, pointer, offset, bytes, zeroAllowed);
        long extent = pointer.Kind == ValueKind.MapValue ? inspection.Program.Maps[pointer.MapIndex].ValueBytes : pointer.ExtentBytes;
        var known = pointer.Offset + (long)offset;
        var low = pointer.Range.Wide.SMin;
        if (low < 0 && (low <= -2L * Inspection.OffsetMax || low + known < 0))
        {
            return inspection.Refuse(RejectionReason.OutOfBounds, pointer.Range.IsConstant
                ? Outside(register, pointer, known + low, bytes, extent)
                : $"R{register} min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        if (!Fits(known + low, bytes, extent, zeroAllowed))
            return inspection.Refuse(RejectionReason.OutOfBounds, Outside(register, pointer, known + low, bytes, extent));
        if (pointer.Range.Wide.SMax >= Inspection.OffsetMax)
            return inspection.Refuse(RejectionReason.OutOfBounds, $"R{register} unbounded memory access, make sure to bounds check any such access");
        var high = known + pointer.Range.Wide.SMax;
        return Fits(high, bytes, extent, zeroAllowed) ||
            inspection.Refuse(RejectionReason.OutOfBounds, $"R{register} max value is outside of the allowed memory range: {Outside(register, pointer, high, bytes, extent)}");
    }

    private bool IsWithinPacket(int register, in RegisterState pointer, int offset, long bytes, bool zeroAllowed)
    {
        if (pointer.Range.Wide.SMin < 0)
            return inspection.Refuse(RejectionReason.OutOfBounds, $"R{register} min value is negative, either use unsigned index or do a if (index >=0) check.");
        var at = pointer.Offset + (long)offset;
        return Fits(at, bytes, pointer.ExtentBytes, zeroAllowed) || inspection.Refuse(
            RejectionReason.OutOfBounds, $"invalid access to packet, off={at} size={bytes}, R{register}(id={pointer.Link},off={pointer.Offset},r={pointer.ExtentBytes})");
    }

    private static bool Fits(long offset, long bytes, long extent, bool zeroAllowed) =>
        offset >= 0 && (bytes > 0 || (bytes == 0 && zeroAllowed)) && offset <= extent && bytes <= extent - offset;

    private static string Outside(int register, in RegisterState pointer, long offset, long bytes, long extent) => pointer.Kind == ValueKind.MapValue
        ? $"invalid access to map value, value_size={extent} off={offset} size={bytes} through R{register}"
        : $"invalid access to memory, mem_size={extent} off={offset} size={bytes} through R{register}";
}
