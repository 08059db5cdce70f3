namespace Fathom.Bpf.Verification;

/// <summary>Access to the fields of the context.</summary>
internal sealed class ContextChecks(Inspection inspection)
{
    /// <summary>Field by field; <paramref name="value"/> is what a load gives.</summary>
    public bool Check(int register, in RegisterState pointer, int offset, int bytes, bool isWrite, out RegisterState value)
    {
        value = RegisterState.UnknownScalar;
        var layout = inspection.Type.Context;
        if (!IsUnmoved(register, pointer, allowsConstant: layout.AllowsMovedPointer))
            return false;
        var at = pointer.Offset + (long)offset;
        if (at < 0 || at + bytes > layout.Bytes || at % bytes != 0)
            return Refuse(at, bytes);
        foreach (var field in layout.Fields)
        {
            if (at < field.OffsetBytes || at + bytes > field.OffsetBytes + field.Bytes)
                continue;
            if (field.Kind is ContextFieldKind.ReadOnly or ContextFieldKind.ReadWrite)
                return !isWrite || field.Kind == ContextFieldKind.ReadWrite || RefuseWrite(field, at, bytes);
            if (isWrite)
                return RefuseWrite(field, at, bytes);
            if (at != field.OffsetBytes || bytes != field.ElementBytes)
                return Refuse(at, bytes);
            value = RegisterState.Pointer(field.Kind switch
            {
                ContextFieldKind.Data => ValueKind.Packet,
                ContextFieldKind.DataEnd => ValueKind.PacketEnd,
                _ => ValueKind.PacketMeta,
            });
            return true;
        }
        return Refuse(at, bytes);
    }

    /// <summary>The pointer is the context's own address, or that plus a constant where the layout allows it.</summary>
    public bool IsUnmoved(int register, in RegisterState pointer, bool allowsConstant)
    {
        if (!pointer.Range.IsConstant)
            return inspection.Refuse(RejectionReason.InvalidContextAccess, $"variable ctx access var_off={pointer.Range} disallowed through R{register}");
        return pointer.Offset == 0 && pointer.Range.Value == 0 || allowsConstant ||
            inspection.Refuse(RejectionReason.InvalidContextAccess, $"dereference of modified ctx ptr R{register} off={pointer.Offset} disallowed");
    }

    private bool Refuse(long at, int bytes) =>
        inspection.Refuse(RejectionReason.InvalidContextAccess, $"invalid bpf_context access off={at} size={bytes} of {inspection.Type.Context.Name}");

    private bool RefuseWrite(ContextField field, long at, int bytes) =>
        inspection.Refuse(RejectionReason.ReadOnlyMemory, $"invalid bpf_context access off={at} size={bytes}: {field.Name} of {inspection.Type.Context.Name} is read-only");
}
