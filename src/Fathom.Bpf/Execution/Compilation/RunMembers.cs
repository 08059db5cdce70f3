using System.Reflection;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>The members of <see cref="BpfRun"/> and the functions that emitted code uses.</summary>
internal static class RunMembers
{
    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public;

    public static readonly FieldInfo Fuel = Field(nameof(BpfRun.Fuel));
    public static readonly FieldInfo FramesLeft = Field(nameof(BpfRun.FramesLeft));
    public static readonly FieldInfo Fault = Field(nameof(BpfRun.Fault));
    public static readonly FieldInfo FaultInstruction = Field(nameof(BpfRun.FaultInstruction));
    public static readonly FieldInfo DataStart = Field(nameof(BpfRun.DataStart));
    public static readonly FieldInfo DataBytes = Field(nameof(BpfRun.DataBytes));
    public static readonly FieldInfo ScratchStart = Field(nameof(BpfRun.ScratchStart));
    public static readonly FieldInfo ScratchBytes = Field(nameof(BpfRun.ScratchBytes));
    public static readonly MethodInfo Fail = Method(typeof(BpfRun), nameof(BpfRun.Fail));
    public static readonly MethodInfo Check = Method(typeof(BpfRun), nameof(BpfRun.Check));
    public static readonly MethodInfo CheckAtomic = Method(typeof(BpfRun), nameof(BpfRun.CheckAtomic));
    public static readonly MethodInfo CallByRegister = Method(typeof(RunMembers), nameof(CallHelperByRegister));
    public static readonly MethodInfo InvokeFunction = Method(typeof(HelperFunction), nameof(HelperFunction.Invoke));
    public static readonly FieldInfo Functions = typeof(CompiledFunctions).GetField(nameof(CompiledFunctions.Functions), Hidden)!;

    /// <summary>A method that has one overload.</summary>
    public static MethodInfo Method(Type type, string name) => type.GetMethod(name, Hidden)!;

    /// <summary>The helper whose number stands in a register.</summary>
    internal static ulong CallHelperByRegister(ref BpfRun run, ulong number, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
    {
        var function = number <= int.MaxValue ? run.Binding.Helpers.Helper((int)number) : null;
        if (function is not null)
            return function(ref run, r1, r2, r3, r4, r5);
        run.Fail(RunFault.UnknownFunction, number);
        return 0;
    }

    private static FieldInfo Field(string name) => typeof(BpfRun).GetField(name, Hidden)!;
}
