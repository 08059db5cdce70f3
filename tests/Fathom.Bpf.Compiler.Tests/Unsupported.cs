using Fathom.Bpf.Authoring;

namespace Fathom.Bpf.Compiler.Tests;

/// <summary>Methods that cannot be storage functions, each for one reason.</summary>
internal static class Unsupported
{
    private static int _counter;

    [StorageFunction]
    public static int Allocates(ref StepContext context) => new object().GetHashCode() + (int)context.Hop;

    [StorageFunction]
    public static int Throws(ref StepContext context) => context.Hop > 3 ? throw new InvalidOperationException() : 0;

    [StorageFunction]
    public static int Catches(ref StepContext context)
    {
        try
        {
            return (int)(10 / context.Hop);
        }
        catch (DivideByZeroException)
        {
            return -1;
        }
    }

    [StorageFunction]
    public static int UsesStatic(ref StepContext context) => _counter += (int)context.Hop;

    [StorageFunction]
    public static int UsesDouble(ref StepContext context) => (int)(context.Hop * 1.5);

    [StorageFunction]
    public static int CallsVirtual(ref StepContext context) => context.GetHashCode();

    [StorageFunction]
    public static int TakesManyArguments(ref StepContext context) => Many(1, 2, 3, 4, 5, (int)context.Hop);

    [StorageFunction]
    public static int UsesString(ref StepContext context) => string.IsNullOrEmpty("no") ? 1 : (int)context.Hop;

    [StorageFunction]
    public static int NeverEnds(ref StepContext context)
    {
        while (context.Hop == 0)
            context.Done = 1;
        return 0;
    }

    private static int Many(int a, int b, int c, int d, int e, int f) => a + b + c + d + e + f;
}
