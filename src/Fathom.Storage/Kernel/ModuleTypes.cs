using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Kernel;

/// <summary>What the kernel calls the module's types: needed to load functions for it.</summary>
/// <remarks>Owns the descriptor of the types; immutable otherwise.</remarks>
internal sealed class ModuleTypes : IDisposable
{
    private const string Module = "fathom_xrp";
    private const string Operations = "fathom_storage_ops";
    private const string OperationsValue = "bpf_struct_ops_" + Operations;

    private readonly SplitTypes _types;

    private ModuleTypes(SafeFileHandle file, SplitTypes types)
    {
        File = file;
        _types = types;
        OperationsId = types.IdOf(SplitTypes.KindStruct, Operations);
        ValueId = types.IdOf(SplitTypes.KindStruct, OperationsValue);
        ValueBytes = (int)types.SizeOf(OperationsValue);
        var data = types.MemberOf(OperationsValue, "data").OffsetBytes;
        (StepIndex, StepOffset) = (types.MemberOf(Operations, "step").Index, (int)(data + types.MemberOf(Operations, "step").OffsetBytes));
        IdOffset = (int)(data + types.MemberOf(Operations, "id").OffsetBytes);
    }

    /// <summary>The types' descriptor.</summary>
    public SafeFileHandle File { get; }

    /// <summary>The structure of operations.</summary>
    public uint OperationsId { get; }

    /// <summary>The value of the map that holds them.</summary>
    public uint ValueId { get; }

    /// <summary>Its size.</summary>
    public int ValueBytes { get; }

    /// <summary>The member that is the function.</summary>
    public uint StepIndex { get; }

    /// <summary>Where it stands in the value.</summary>
    public int StepOffset { get; }

    /// <summary>Where the function's id stands in the value.</summary>
    public int IdOffset { get; }

    /// <summary>Finds the types; null with the reason when they cannot be had.</summary>
    public static ModuleTypes? TryFind(out string refusal)
    {
        var file = BpfSystem.TypesOfModule(Module, out var errno);
        if (file.IsInvalid)
        {
            refusal = $"the module's types may not be read or are not there (errno {errno}): loading functions takes CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN";
            return null;
        }
        refusal = "";
        try
        {
            return new ModuleTypes(file, SplitTypes.Read(Module));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or KeyNotFoundException)
        {
            file.Dispose();
            refusal = $"the module's types cannot be used: {failure.Message}";
            return null;
        }
    }

    /// <summary>The number of a function of the module; 0 when it has no such function.</summary>
    public int FunctionId(string name)
    {
        try
        {
            return (int)_types.IdOf(SplitTypes.KindFunction, name);
        }
        catch (KeyNotFoundException)
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}
