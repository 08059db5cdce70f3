namespace Fathom.Bpf.Compiler.Registers;

/// <summary>Where each virtual register lives: a machine register, or 8 bytes of the frame.</summary>
/// <remarks>
/// Colours the interference graph after moves were merged away. R0 and R5 stay free: for results, and for values that live in the
/// frame. What is wanted behind a call can only live in R6 to R9.
/// </remarks>
internal sealed class Allocation
{
    private const int FirstFrameSlot = 16;

    private static readonly int[] Volatile = [1, 2, 3, 4];
    private static readonly int[] Saved = [6, 7, 8, 9];

    private readonly int[] _merged;
    private readonly HashSet<int>[] _neighbours;
    private readonly bool[] _crossesCall;
    private readonly double[] _weight;
    private readonly int[] _place;

    public Allocation(Subprogram subprogram)
    {
        var count = subprogram.RegisterCount;
        _merged = [.. Enumerable.Range(0, count)];
        _neighbours = [.. Enumerable.Range(0, count).Select(_ => new HashSet<int>())];
        _crossesCall = new bool[count];
        _weight = new double[count];
        _place = new int[count];
        var liveness = new Liveness(subprogram.Operations, count);
        Build(subprogram, liveness);
        Merge(subprogram);
        Colour(subprogram.FrameBytes);
    }

    /// <summary>Bytes of the frame in use, structs and spilled values together.</summary>
    public int FrameBytes { get; private set; }

    /// <summary>1 to 9; 0 when the value lives in the frame.</summary>
    public int RegisterOf(int register) => _place[Find(register)] < FirstFrameSlot ? _place[Find(register)] : 0;

    /// <summary>Offset from R10 of a value in the frame.</summary>
    public short FrameOffsetOf(int register) => (short)-(_place[Find(register)] - FirstFrameSlot);

    private void Build(Subprogram subprogram, Liveness liveness)
    {
        if (subprogram.Operations.Count > 0)
        {
            var live = liveness.Before(0);
            foreach (var parameter in subprogram.Parameters)
            {
                Interfere(parameter, live, except: -1);
                foreach (var other in subprogram.Parameters)
                    Connect(parameter, other);
            }
        }
        var depth = LoopDepths(subprogram.Operations);
        for (var i = 0; i < subprogram.Operations.Count; i++)
        {
            var operation = subprogram.Operations[i];
            var cost = Math.Pow(10, Math.Min(depth[i], 4));
            foreach (var register in operation.Reads)
                _weight[register] += cost;
            if (operation.Kind == OperationKind.Call)
                for (var register = 0; register < _crossesCall.Length; register++)
                    _crossesCall[register] |= register != operation.Writes && liveness.After(i)[register];
            if (operation.Writes < 0)
                continue;
            _weight[operation.Writes] += cost;
            Interfere(operation.Writes, liveness.After(i), operation.IsMove ? operation.Source : -1);
        }
    }

    private void Interfere(int register, System.Collections.BitArray live, int except)
    {
        for (var other = 0; other < live.Length; other++)
            if (live[other] && other != except)
                Connect(register, other);
    }

    private void Connect(int left, int right)
    {
        if (left == right)
            return;
        _neighbours[left].Add(right);
        _neighbours[right].Add(left);
    }

    private void Merge(Subprogram subprogram)
    {
        foreach (var move in subprogram.Operations.Where(operation => operation.IsMove && operation.Target >= 0))
        {
            var (target, source) = (Find(move.Target), Find(move.Source));
            // Merging a value that crosses calls with one that does not would only narrow the choice for both when many do.
            if (target == source || _neighbours[target].Contains(source))
                continue;
            _merged[source] = target;
            foreach (var neighbour in _neighbours[source].ToArray())
            {
                _neighbours[neighbour].Remove(source);
                Connect(target, neighbour);
            }
            _crossesCall[target] |= _crossesCall[source];
            _weight[target] += _weight[source];
        }
    }

    private void Colour(int frameBytes)
    {
        var roots = Enumerable.Range(0, _merged.Length).Where(register => Find(register) == register);
        foreach (var register in roots.OrderByDescending(register => _weight[register] / (1 + _neighbours[register].Count)))
        {
            var taken = _neighbours[register].Select(neighbour => _place[Find(neighbour)]).ToHashSet();
            var choices = _crossesCall[register] ? Saved : [.. Volatile, .. Saved];
            _place[register] = choices.FirstOrDefault(choice => !taken.Contains(choice));
            for (var bytes = frameBytes + 8; _place[register] == 0; bytes += 8)
            {
                if (taken.Contains(FirstFrameSlot + bytes))
                    continue;
                _place[register] = FirstFrameSlot + bytes;
                FrameBytes = Math.Max(FrameBytes, bytes);
            }
        }
        FrameBytes = Math.Max(FrameBytes, frameBytes);
    }

    private int Find(int register)
    {
        while (_merged[register] != register)
            register = _merged[register];
        return register;
    }

    private static int[] LoopDepths(IReadOnlyList<Operation> operations)
    {
        var labels = new Dictionary<int, int>();
        var depth = new int[operations.Count];
        for (var i = 0; i < operations.Count; i++)
        {
            if (operations[i].Kind == OperationKind.Label)
                labels[operations[i].Label] = i;
            else if (operations[i].Label >= 0 && labels.TryGetValue(operations[i].Label, out var start))
                for (var inside = start; inside <= i; inside++)
                    depth[inside]++;
        }
        return depth;
    }
}
