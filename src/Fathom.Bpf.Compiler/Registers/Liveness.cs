using System.Collections;

namespace Fathom.Bpf.Compiler.Registers;

/// <summary>For each operation the virtual registers whose values are still wanted behind it.</summary>
internal sealed class Liveness
{
    private readonly BitArray[] _after;
    private readonly BitArray[] _before;

    public Liveness(IReadOnlyList<Operation> operations, int registerCount)
    {
        var labels = new Dictionary<int, int>();
        for (var i = 0; i < operations.Count; i++)
            if (operations[i].Kind == OperationKind.Label)
                labels[operations[i].Label] = i;
        _after = [.. operations.Select(_ => new BitArray(registerCount))];
        _before = [.. operations.Select(_ => new BitArray(registerCount))];
        var changed = true;
        while (changed)
        {
            changed = false;
            for (var i = operations.Count - 1; i >= 0; i--)
                changed |= Update(operations, labels, i);
        }
    }

    public BitArray After(int operation) => _after[operation];

    public BitArray Before(int operation) => _before[operation];

    private bool Update(IReadOnlyList<Operation> operations, Dictionary<int, int> labels, int index)
    {
        var operation = operations[index];
        var after = _after[index];
        if (operation.Kind is not (OperationKind.Goto or OperationKind.Return) && index + 1 < operations.Count)
            after.Or(_before[index + 1]);
        if (operation.Kind is OperationKind.Goto or OperationKind.Branch)
            after.Or(_before[labels[operation.Label]]);
        var before = new BitArray(after);
        if (operation.Writes >= 0)
            before[operation.Writes] = false;
        foreach (var register in operation.Reads)
            before[register] = true;
        if (Same(before, _before[index]))
            return false;
        _before[index] = before;
        return true;
    }

    private static bool Same(BitArray left, BitArray right)
    {
        for (var i = 0; i < left.Length; i++)
            if (left[i] != right[i])
                return false;
        return true;
    }
}
