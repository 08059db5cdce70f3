using Fathom.Bpf.Authoring;
using Fathom.Bpf.Compiler.Registers;
using Fathom.Bpf.Instructions;
using Mono.Cecil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>Calls: kfuncs, subprograms, and the few methods of the base library that are an instruction or an address.</summary>
internal sealed class CallLowering(OperationList list, ValueLowering values, CompilationUnit unit)
{
    private const int ArgumentsMax = 5;

    public void Lower(MethodReference method)
    {
        if (LowerKnown(method))
            return;
        var definition = method.Resolve() ?? throw list.Error($"call of {method.FullName}: its assembly is not at hand");
        if (KfuncName(definition) is { } kfunc)
            LowerKfunc(method, kfunc);
        else
            LowerSubprogram(definition);
    }

    private static string? KfuncName(MethodDefinition method) =>
        method.CustomAttributes.FirstOrDefault(attribute => attribute.AttributeType.FullName == typeof(KfuncAttribute).FullName)?.ConstructorArguments[0].Value as string;

    private bool LowerKnown(MethodReference method)
    {
        switch (method.DeclaringType.FullName, method.Name)
        {
            case ("System.Runtime.CompilerServices.Unsafe", "IsNullRef"):
                values.Push(StackEntry.OfConstant(0, isWide: true));
                values.Push(values.Compare(JumpOperation.Equal));
                return true;
            case ("System.Runtime.CompilerServices.Unsafe", "AsRef" or "As" or "AsPointer") when method.Parameters.Count == 1:
                return true;
            case ("System.Runtime.CompilerServices.Unsafe", "SizeOf"):
                values.Push(StackEntry.OfConstant(values.SizeOf(TypeArgument(method)), isWide: false));
                return true;
            case ("System.Runtime.CompilerServices.Unsafe", "Add") when method.Parameters.Count == 2:
                var index = values.Pop();
                values.PushElement(values.Pop(), index, values.SizeOf(TypeArgument(method)));
                return true;
            case ("System.Buffers.Binary.BinaryPrimitives", "ReverseEndianness") when values.SizeOf(method.ReturnType) > 1:
                values.SwapBytes(8 * values.SizeOf(method.ReturnType));
                return true;
            default:
                return false;
        }
    }

    /// <summary>The context, an offset, and the size of the type that comes back.</summary>
    private void LowerKfunc(MethodReference method, string kfunc)
    {
        var bytes = values.SizeOf(TypeArgument(method));
        var offset = values.ToOperand(values.Pop());
        var context = Operand.Of(values.Materialize(values.Pop()));
        Add(CallKind.Kfunc, unit.IndexOfKfunc(kfunc), [context, offset, Operand.Constant(bytes)], isWide: true);
    }

    private void LowerSubprogram(MethodDefinition method)
    {
        if (method.IsConstructor || method.IsVirtual || !method.HasBody || method.IsPInvokeImpl || (!method.IsStatic && !method.DeclaringType.IsValueType))
            throw list.Error($"call of {method.FullName}: static methods, and methods of structs, with a body are possible");
        var count = method.Parameters.Count + (method.IsStatic ? 0 : 1);
        if (count > ArgumentsMax)
            throw list.Error($"call of {method.Name} with {count} arguments: a subprogram has at most {ArgumentsMax}");
        var arguments = new Operand[count];
        for (var i = count - 1; i >= 0; i--)
            arguments[i] = values.ToOperand(values.Pop());
        var index = unit.IndexOf(method);
        if (index < 0)
            throw list.Error($"call of {method.Name}: too many different methods");
        var isVoid = method.ReturnType.MetadataType == MetadataType.Void;
        var isWide = isVoid ? false : StackType.Of(method.ReturnType) ?? throw list.Error($"call of {method.Name}: it returns a {method.ReturnType.Name}, which is no number or reference");
        Add(CallKind.Local, index, arguments, isVoid ? null : isWide);
    }

    private void Add(CallKind kind, int target, IReadOnlyList<Operand> arguments, bool? isWide)
    {
        var result = isWide is null ? Operation.None : list.NewRegister();
        list.Add(new Operation(OperationKind.Call) { CallKind = kind, Value = target, Arguments = arguments, Target = result, WritesTarget = isWide is not null });
        if (isWide is { } wide)
            values.Push(StackEntry.OfRegister(result, wide));
    }

    private TypeReference TypeArgument(MethodReference method) =>
        method is GenericInstanceMethod { GenericArguments: [var type] } ? type : throw list.Error($"call of {method.Name}: it needs one type argument");
}
