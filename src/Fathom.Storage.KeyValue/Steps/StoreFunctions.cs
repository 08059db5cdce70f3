using Fathom.Bpf.Elf;
using Fathom.Bpf.Verification;
using Fathom.Memory;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>The functions that a store's chains run.</summary>
/// <param name="Get">The look-up.</param>
/// <param name="Range">The range of one leaf; fixed keys.</param>
/// <param name="Aggregate">COUNT, SUM, MIN and MAX; fixed keys.</param>
internal sealed record StoreFunctions(StorageFunction Get, StorageFunction Range, StorageFunction Aggregate)
{
    /// <summary>Pages of variable keys that the program was built for.</summary>
    private const int ProgramPageBytes = 4096;

    /// <summary>The functions of a form, for a kind of keys.</summary>
    /// <param name="form">The form asked for.</param>
    /// <param name="kind">Programs for all three exist with fixed keys; with variable ones for the look-up.</param>
    /// <param name="pageBytes">Page size.</param>
    /// <param name="get">The look-up in C#.</param>
    public static StoreFunctions Of(FunctionForm form, KeyKind kind, int pageBytes, GetStep get)
    {
        if (form == FunctionForm.CSharp || (kind == KeyKind.Variable && pageBytes != ProgramPageBytes))
            return new StoreFunctions(get.Function, RangeStep.Function, AggregateStep.Function);
        var execution = form == FunctionForm.Bpf ? ProgramExecution.Compiled : ProgramExecution.Interpreted;
        if (kind == KeyKind.Variable)
            return new StoreFunctions(Program("kv_get", execution), RangeStep.Function, AggregateStep.Function);
        return new StoreFunctions(Program("kv_get_u64", execution), Program("kv_range_u64", execution), Program("kv_aggregate_u64", execution));
    }

    private static StorageFunction Program(string name, ProgramExecution execution)
    {
        using var resource = typeof(StoreFunctions).Assembly.GetManifestResourceStream($"{name}.bpf.o");
        Invariant.Check(resource is not null);
        var bytes = new byte[resource!.Length];
        resource.ReadExactly(bytes);
        var verified = Verifier.Verify(BpfObject.Open(name, bytes).FindProgram(name), ProgramType.StorageFunction) as VerifiedProgram;
        // The object is this library's own, and a test verifies it.
        Invariant.Check(verified is not null);
        return StorageFunction.FromProgram(verified!, execution);
    }
}
