using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Verification;

/// <summary>Calls of helpers, kfuncs and subprograms, and the return from them.</summary>
internal sealed class CallChecks(Inspection inspection, ControlFlow flow, MemoryChecks memory, StackChecks stack, ContextChecks context)
{
    private const uint ArgumentRegisters = 0b111110;

    /// <summary>What earlier arguments of the call said.</summary>
    private struct Arguments
    {
        public int MapIndex;
        public int ResultBytes;
        public int Acquisition;
        public List<(RegisterState Pointer, long Low, int Bytes)>? Filled;
    }

    public bool CheckFunction(BpfInstruction instruction)
    {
        FunctionPrototype? prototype = null;
        var name = "";
        if (instruction.Source == (int)CallKind.Helper)
        {
            name = $"helper {instruction.Immediate}";
            inspection.Type.Helpers.TryGetValue(instruction.Immediate, out prototype);
        }
        else if ((uint)instruction.Immediate < (uint)inspection.Program.Kfuncs.Length)
        {
            name = $"kfunc {inspection.Program.Kfuncs[instruction.Immediate]}";
            inspection.Type.Kfuncs.TryGetValue(inspection.Program.Kfuncs[instruction.Immediate], out prototype);
        }
        if (prototype is null)
            return inspection.Refuse(RejectionReason.UnknownFunction, $"{name} is no function of programs of type {inspection.Type.Name}");
        var arguments = new Arguments { MapIndex = -1 };
        for (var i = 0; i < prototype.Arguments.Length; i++)
        {
            if (!CheckArgument(prototype, i, ref arguments))
                return false;
        }
        Complete(prototype, arguments);
        return true;
    }

    private void Complete(FunctionPrototype prototype, in Arguments arguments)
    {
        foreach (var (pointer, low, bytes) in arguments.Filled ?? [])
            stack.Fill(pointer, low, bytes);
        if (arguments.Acquisition != 0)
        {
            var released = arguments.Acquisition;
            inspection.State.Acquisitions = inspection.State.Acquisitions.Remove(released);
            inspection.State.Forget(value => value.Acquisition == released);
        }
        if (prototype.MovesPacket)
            inspection.State.Forget(value => value.IsPacketPointer || value.Kind == ValueKind.PacketEnd);
        ForgetArguments();
        inspection.Write(0, Result(prototype, arguments));
    }

    private RegisterState Result(FunctionPrototype prototype, in Arguments arguments)
    {
        if (prototype.Result == ResultKind.None)
            return default;
        if (prototype.Result == ResultKind.Scalar)
            return RegisterState.UnknownScalar;
        var isMapValue = prototype.Result == ResultKind.MapValueOrNull;
        var isRecord = prototype.Result == ResultKind.RecordOrNull;
        var result = RegisterState.Pointer(isMapValue ? ValueKind.MapValue : isRecord ? ValueKind.Record : ValueKind.Memory);
        result.MayBeNull = true;
        result.Link = inspection.NewLink();
        result.MapIndex = isMapValue ? arguments.MapIndex : 0;
        result.ExtentBytes = arguments.ResultBytes;
        result.IsReadOnly = prototype.Result == ResultKind.ReadOnlyMemoryOrNull;
        if (isRecord)
        {
            result.Acquisition = result.Link;
            inspection.State.Acquisitions = inspection.State.Acquisitions.Add(result.Link);
        }
        return result;
    }

    private bool CheckArgument(FunctionPrototype prototype, int index, ref Arguments arguments)
    {
        var register = index + 1;
        if (!inspection.Read(register))
            return false;
        var value = inspection.Register(register);
        var kind = prototype.Arguments[index];
        switch (kind)
        {
            case ArgumentKind.Scalar:
                return value.IsScalar || inspection.Limits.AllowsPointerLeaks ||
                    inspection.Refuse(RejectionReason.PointerLeak, $"R{register} leaks addr into {prototype.Name}");
            case ArgumentKind.Context:
                return value.Kind == ValueKind.Context ? context.IsUnmoved(register, value, allowsConstant: false) : Mismatch(prototype, register, value, "ctx");
            case ArgumentKind.Map or ArgumentKind.RingBuffer:
                return CheckMap(prototype, register, value, kind, ref arguments);
            case ArgumentKind.MapKey or ArgumentKind.MapValue:
                var map = inspection.Program.Maps[arguments.MapIndex];
                return CheckMemory(prototype, register, value, kind == ArgumentKind.MapKey ? map.KeyBytes : map.ValueBytes, isWrite: false, isExact: true, ref arguments);
            case ArgumentKind.Size or ArgumentKind.SizeOrZero:
                return CheckSize(prototype, index, value, ref arguments);
            case ArgumentKind.ResultSize:
                return CheckResultSize(prototype, register, value, ref arguments);
            case ArgumentKind.Record:
                if (value.Kind != ValueKind.Record || value.MayBeNull)
                    return Mismatch(prototype, register, value, "ringbuf_mem");
                if (value.Offset != 0 || !value.Range.IsConstant)
                    return inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} must have zero offset when passed to {prototype.Name}");
                arguments.Acquisition = value.Acquisition;
                return true;
            default:
                // Memory is checked with the size that follows.
                return true;
        }
    }

    private bool CheckMap(FunctionPrototype prototype, int register, in RegisterState value, ArgumentKind kind, ref Arguments arguments)
    {
        if (value.Kind != ValueKind.Map)
            return Mismatch(prototype, register, value, "map_ptr");
        var map = inspection.Program.Maps[value.MapIndex];
        if ((map.Kind == MapKind.RingBuffer) != (kind == ArgumentKind.RingBuffer))
            return inspection.Refuse(RejectionReason.InvalidMap, $"R{register} cannot pass map {map.Name} of kind {map.Kind} into {prototype.Name}");
        if (map.ReadOnly && prototype.Name is not "bpf_map_lookup_elem")
            return inspection.Refuse(RejectionReason.ReadOnlyMemory, $"R{register} write into map forbidden: {map.Name} is read-only");
        arguments.MapIndex = value.MapIndex;
        return true;
    }

    private bool CheckSize(FunctionPrototype prototype, int index, in RegisterState size, ref Arguments arguments)
    {
        var register = index + 1;
        if (!size.IsScalar)
            return Mismatch(prototype, register, size, "scalar");
        inspection.State.MarkPrecise(size.Origins);
        var zeroAllowed = prototype.Arguments[index] == ArgumentKind.SizeOrZero;
        var range = size.Range.Wide;
        if (range.SMin < 0)
            return inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} min value is negative, either use unsigned or 'var &= const'");
        if (range.UMax >= Inspection.OffsetMax)
            return inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} unbounded memory access, use 'var &= const' or 'if (var < const)'");
        if (range.UMin == 0 && !zeroAllowed)
            return inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} invalid zero-sized read: u64=[{range.UMin},{range.UMax}]");
        var pointer = inspection.Register(register - 1);
        var kind = prototype.Arguments[index - 1];
        if (kind == ArgumentKind.ReadableMemoryOrNull && pointer.IsNull)
        {
            inspection.State.MarkPrecise(pointer.Origins);
            return range.UMax == 0 || Mismatch(prototype, register - 1, pointer, "memory of a size that is not 0");
        }
        return CheckMemory(
            prototype, register - 1, pointer, (int)range.UMax, isWrite: kind == ArgumentKind.WritableMemory, isExact: size.Range.IsConstant, ref arguments);
    }

    private bool CheckResultSize(FunctionPrototype prototype, int register, in RegisterState value, ref Arguments arguments)
    {
        if (!value.IsScalar)
            return Mismatch(prototype, register, value, "scalar");
        inspection.State.MarkPrecise(value.Origins);
        // Sizes are 32 bits wide in C: what stands above does not reach the function.
        if (!value.Range.TryConstant(wide: true, out var bytes))
            return inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} is not a known constant: the size that {prototype.Name} is asked for");
        if (bytes is 0 or >= Inspection.OffsetMax)
            return inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} size {bytes} of {prototype.Name} is not 1 to {Inspection.OffsetMax - 1}");
        arguments.ResultBytes = (int)bytes;
        return true;
    }

    /// <summary>Memory of at most so many bytes; <paramref name="isExact"/>: the function reads or fills all of them.</summary>
    private bool CheckMemory(FunctionPrototype prototype, int register, in RegisterState pointer, int bytes, bool isWrite, bool isExact, ref Arguments arguments)
    {
        if (pointer.MayBeNull)
            return Mismatch(prototype, register, pointer, "memory");
        switch (pointer.Kind)
        {
            case ValueKind.Stack:
                if (!stack.Locate(register, pointer, 0, bytes, isWrite ? "indirect write to" : "indirect read from", out var low, out var high))
                    return false;
                // Only what is filled for sure, at a known place, need not be initialised.
                if (!(isWrite && isExact && low == high) && !stack.IsReadable(register, pointer, low, (int)(high - low) + bytes))
                    return false;
                if (isWrite)
                    (arguments.Filled ??= []).Add((pointer, low, (int)(high - low) + bytes));
                return true;
            case ValueKind.MapValue or ValueKind.Memory or ValueKind.Record or ValueKind.Packet or ValueKind.PacketMeta:
                return (!isWrite || memory.IsWritable(register, pointer)) && memory.IsWithin(register, pointer, 0, bytes, zeroAllowed: true);
            default:
                return Mismatch(prototype, register, pointer, "memory");
        }
    }

    public bool CheckSubprogram(BpfInstruction instruction)
    {
        var target = inspection.Index + 1 + instruction.Immediate;
        if (inspection.State.Frames.Count >= Math.Min(inspection.Limits.FramesMax, 8))
            return inspection.Refuse(RejectionReason.TooManyFrames, $"the call stack of {inspection.State.Frames.Count + 1} frames is too deep");
        var caller = inspection.State.Current;
        var subprogram = inspection.Program.SubprogramOf(target);
        var callee = new StackFrame(inspection.State.Frames.Count, inspection.Index, subprogram) { WrittenRegisters = uint.MaxValue, WrittenSlots = ulong.MaxValue };
        for (var register = 1; register <= 5; register++)
        {
            callee.Registers[register] = caller.Registers[register];
            if (caller.Registers[register].Kind != ValueKind.Uninitialised && flow.MayReadArgument(subprogram, register))
                inspection.State.MarkRead(inspection.State.CurrentIndex, register);
        }
        callee.Registers[BpfInstruction.FramePointer] = RegisterState.Pointer(ValueKind.Stack);
        callee.Registers[BpfInstruction.FramePointer].Frame = (byte)inspection.State.Frames.Count;
        ForgetArguments();
        Forget(0);
        inspection.State.Frames.Add(callee);
        inspection.State.Instruction = target;
        return true;
    }

    /// <summary>Exit of a subprogram that was called: R0 goes to the caller.</summary>
    public bool CheckReturn()
    {
        var result = inspection.Register(0);
        if (result.Kind == ValueKind.Stack)
            return inspection.Refuse(RejectionReason.InvalidResult, "cannot return stack pointer to the caller");
        if (result.Kind != ValueKind.Uninitialised)
            inspection.State.MarkRead(inspection.State.CurrentIndex, 0);
        var site = inspection.State.Current.CallSite;
        inspection.State.Frames.RemoveAt(inspection.State.CurrentIndex);
        inspection.Write(0, result);
        inspection.State.Instruction = site + 1;
        return true;
    }

    /// <summary>Exit of the program.</summary>
    public bool CheckEnd()
    {
        if (inspection.State.Acquisitions is [var unreleased, ..])
            return inspection.Refuse(RejectionReason.UnreleasedRecord, $"Unreleased reference id={unreleased}: a record was reserved and neither submitted nor discarded");
        if (inspection.Register(0).Kind == ValueKind.Uninitialised)
            return inspection.Refuse(RejectionReason.UninitialisedRegister, "R0 !read_ok: the program returns nothing");
        inspection.State.MarkRead(0, 0);
        if (inspection.Register(0).IsPointer && !inspection.Limits.AllowsPointerLeaks)
            return inspection.Refuse(RejectionReason.PointerLeak, "R0 leaks addr as return value");
        return true;
    }

    private void ForgetArguments()
    {
        for (var register = 1; register <= 5; register++)
            inspection.Register(register) = default;
        inspection.State.Current.WrittenRegisters |= ArgumentRegisters;
    }

    private void Forget(int register) => inspection.Write(register, default);

    private bool Mismatch(FunctionPrototype prototype, int register, in RegisterState value, string expected) =>
        inspection.Refuse(RejectionReason.InvalidArgument, $"R{register} type={value.KindName} expected={expected} as an argument of {prototype.Name}");
}
