namespace Fathom.Bpf.Verification;

internal enum ValueKind : byte
{
    Uninitialised,
    Scalar,
    Context,
    Stack,
    Map,
    MapValue,
    Memory,
    Record,
    Packet,
    PacketMeta,
    PacketEnd,
}

/// <summary>What is known about the value of a register or of a spilled one.</summary>
internal struct RegisterState
{
    public ValueKind Kind;

    /// <summary>A pointer that was not compared with null yet.</summary>
    public bool MayBeNull;

    /// <summary>Of memory: programs may not write to it.</summary>
    public bool IsReadOnly;

    /// <summary>Of a stack pointer: the frame.</summary>
    public byte Frame;

    /// <summary>Of a map or map value: index of the map.</summary>
    public int MapIndex;

    /// <summary>Of memory: its bytes. Of a packet pointer: bytes known to lie before the packet's end, counted from the pointer without its <see cref="Offset"/>.</summary>
    public int ExtentBytes;

    /// <summary>
    /// Values with the same number (not 0) learn from each other: pointers of one call that may be null, packet pointers with the same
    /// variable part, numbers that differ by a constant (<see cref="LinkDelta"/>).
    /// </summary>
    public int Link;

    /// <summary>Of a linked number: what it lies above the link's common value.</summary>
    public long LinkDelta;

    /// <summary>Of a record: the number of the acquisition that must be released.</summary>
    public int Acquisition;

    /// <summary>Of a pointer: the constant part of its offset.</summary>
    public int Offset;

    /// <summary>Of a number: its values. Of a pointer: the variable part of its offset.</summary>
    public ScalarRange Range;

    /// <summary>Of a number: what it depends on in the checkpoint before.</summary>
    public OriginSet? Origins;

    public static RegisterState OfScalar(in ScalarRange range, OriginSet? origins = null) => new() { Kind = ValueKind.Scalar, Range = range, Origins = origins };

    public static RegisterState OfConstant(ulong value) => new() { Kind = ValueKind.Scalar, Range = ScalarRange.Constant(value) };

    public static RegisterState UnknownScalar => new() { Kind = ValueKind.Scalar, Range = ScalarRange.Unknown };

    public static RegisterState Pointer(ValueKind kind, int offset = 0) => new() { Kind = kind, Offset = offset, Range = ScalarRange.Constant(0) };

    public readonly bool IsPointer => Kind > ValueKind.Scalar;

    public readonly bool IsScalar => Kind == ValueKind.Scalar;

    public readonly bool IsPacketPointer => Kind is ValueKind.Packet or ValueKind.PacketMeta;

    public readonly bool IsNull => Kind == ValueKind.Scalar && Range.IsConstant && Range.Value == 0;

    public override readonly string ToString() => Kind switch
    {
        ValueKind.Uninitialised => "?",
        ValueKind.Scalar => Range.ToString() is { Length: > 0 } known ? Range.IsConstant ? known : $"scalar({known})" : "scalar()",
        _ => $"{KindName}({Details()})",
    };

    /// <summary>As the kernel's verifier calls it.</summary>
    public readonly string KindName => Kind switch
    {
        ValueKind.Scalar => "scalar",
        ValueKind.Context => "ctx",
        ValueKind.Stack => "fp",
        ValueKind.Map => "map_ptr",
        ValueKind.MapValue => MayBeNull ? "map_value_or_null" : "map_value",
        ValueKind.Memory => (IsReadOnly ? "rdonly_mem" : "mem") + (MayBeNull ? "_or_null" : ""),
        ValueKind.Record => "ringbuf_mem" + (MayBeNull ? "_or_null" : ""),
        ValueKind.Packet => "pkt",
        ValueKind.PacketMeta => "pkt_meta",
        ValueKind.PacketEnd => "pkt_end",
        _ => "?",
    };

    private readonly string Details()
    {
        var parts = new List<string>();
        if (Kind is ValueKind.Map or ValueKind.MapValue)
            parts.Add($"map={MapIndex}");
        if (Kind == ValueKind.Stack)
            parts.Add($"frame={Frame}");
        if (Kind is ValueKind.Memory or ValueKind.Record)
            parts.Add($"size={ExtentBytes}");
        if (IsPacketPointer)
            parts.Add($"r={ExtentBytes}");
        if (Link != 0)
            parts.Add($"id={Link}");
        if (Offset != 0)
            parts.Add($"off={Offset}");
        if (!Range.IsConstant || Range.Value != 0)
            parts.Add($"var={Range}");
        return string.Join(',', parts);
    }
}
