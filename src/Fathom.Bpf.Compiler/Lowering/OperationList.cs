using Fathom.Bpf.Compiler.Registers;
using Fathom.Bpf.Instructions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>The operations of one method as they grow, with the source lines that they come from.</summary>
internal sealed class OperationList(MethodDefinition method)
{
    private readonly List<Operation> _operations = [];
    private readonly List<SourceLine> _lines = [];
    private int _labels;
    private int _registers;

    public IReadOnlyList<Operation> Operations => _operations;

    public IReadOnlyList<SourceLine> Lines => _lines;

    public int RegisterCount => _registers;

    public int FrameBytes { get; private set; }

    public int NewRegister() => _registers++;

    public int NewLabel() => _labels++;

    public void Add(Operation operation) => _operations.Add(operation with { Line = Math.Max(0, _lines.Count - 1) });

    /// <summary>Takes room in the frame.</summary>
    /// <returns>Offset from R10.</returns>
    public int TakeFrame(int bytes)
    {
        const int FrameBytesMax = 512;
        FrameBytes += (bytes + 7) & ~7;
        return FrameBytes <= FrameBytesMax ? -FrameBytes : throw Error($"locals of {FrameBytes} bytes: a frame has {FrameBytesMax}");
    }

    /// <summary>What follows comes from this IL instruction.</summary>
    public void At(Instruction instruction)
    {
        const int Hidden = 0xfeefee;
        var point = method.DebugInformation.GetSequencePoint(instruction);
        if (point is not null && point.StartLine != Hidden)
            _lines.Add(new SourceLine(0, point.Document.Url, point.StartLine, ""));
    }

    /// <summary>What cannot be compiled, at the line that is being lowered.</summary>
    public CompileException Error(string problem)
    {
        var line = _lines.Count > 0 ? _lines[^1] : FirstLine();
        return new CompileException(method.Name, line.File, line.Line, problem);
    }

    private SourceLine FirstLine()
    {
        var point = method.DebugInformation.SequencePoints.FirstOrDefault();
        return point is null ? new SourceLine(0, "", 0, "") : new SourceLine(0, point.Document.Url, point.StartLine, "");
    }
}
