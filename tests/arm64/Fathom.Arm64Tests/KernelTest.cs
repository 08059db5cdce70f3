using System.Reflection;
using Fathom.Kernels.Tests;
using Xunit.Sdk;

namespace Fathom.Arm64Tests;

/// <summary>One case of a fact or theory with the kernels' trait, run in this process: no test host runs where only the process is emulated.</summary>
internal sealed class KernelTest(MethodInfo method, object?[] arguments)
{
    /// <summary>Class, method and arguments.</summary>
    public string Name { get; } = $"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", arguments)})";

    /// <summary>All cases of an assembly.</summary>
    public static IEnumerable<KernelTest> In(Assembly assembly) =>
        from type in assembly.GetTypes()
        where IsOfKernels(type) || type.GetMethods().Any(IsOfKernels)
        from method in type.GetMethods()
        where method.GetCustomAttribute<FactAttribute>() is { Skip: null } && (IsOfKernels(type) || IsOfKernels(method))
        from arguments in ArgumentsOf(method)
        select new KernelTest(method, arguments);

    /// <summary>Runs it; what it throws is thrown.</summary>
    public async Task RunAsync()
    {
        var instance = method.IsStatic ? null : Activator.CreateInstance(method.DeclaringType!);
        try
        {
            if (method.Invoke(instance, BindingFlags.DoNotWrapExceptions, null, arguments, null) is Task running)
                await running;
        }
        finally
        {
            (instance as IDisposable)?.Dispose();
        }
    }

    private static bool IsOfKernels(MemberInfo member) => CustomAttributeData.GetCustomAttributes(member).Any(data =>
        data.AttributeType == typeof(TraitAttribute) && (string?)data.ConstructorArguments[1].Value == InstructionSetTests.Kernel);

    private static IEnumerable<object?[]> ArgumentsOf(MethodInfo method) => method.GetParameters().Length == 0
        ? [[]]
        : method.GetCustomAttributes<DataAttribute>().SelectMany(data => data.GetData(method));
}
