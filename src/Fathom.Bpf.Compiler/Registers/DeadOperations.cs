namespace Fathom.Bpf.Compiler.Registers;

/// <summary>Removes operations whose value nobody reads: zeroed locals that are set before use, conversions that changed nothing.</summary>
internal static class DeadOperations
{
    public static IReadOnlyList<Operation> Remove(IReadOnlyList<Operation> operations, int registerCount)
    {
        while (true)
        {
            var liveness = new Liveness(operations, registerCount);
            var kept = operations.Where((operation, i) => !IsPure(operation) || liveness.After(i)[operation.Target]).ToList();
            if (kept.Count == operations.Count)
                return operations;
            operations = kept;
        }
    }

    private static bool IsPure(Operation operation) =>
        operation.Kind is OperationKind.Alu or OperationKind.Constant or OperationKind.Load or OperationKind.FrameAddress;
}
