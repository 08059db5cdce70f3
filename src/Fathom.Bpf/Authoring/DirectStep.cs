using System.Runtime.CompilerServices;
using Fathom.Bpf.Execution;
using Fathom.Memory;

namespace Fathom.Bpf.Authoring;

/// <summary>A storage function written in C#.</summary>
/// <param name="context">The step's context.</param>
/// <returns>0, or a negative error.</returns>
public delegate int StepFunction(ref StepContext context);

/// <summary>Runs a storage function as the .NET code that it is, for tests and for comparison with its eBPF form.</summary>
public static unsafe class DirectStep
{
    [ThreadStatic]
    private static ProgramMemory t_memory;

    /// <summary>Runs one step on this thread.</summary>
    /// <param name="function">The method.</param>
    /// <param name="memory">As for the engines; the context holds a <see cref="StepContext"/>.</param>
    /// <returns>What the method returned.</returns>
    /// <exception cref="ArgumentException">The context is too small.</exception>
    public static int Run(StepFunction function, in ProgramMemory memory)
    {
        if (memory.Context.Length < sizeof(StepContext))
            throw new ArgumentException($"a context of {memory.Context.Length} bytes; a step's has {sizeof(StepContext)}", nameof(memory));
        var outer = t_memory;
        t_memory = memory;
        try
        {
            // SAFETY: the length was checked; the caller keeps the memory in place until the run is over.
            return function(ref *(StepContext*)memory.Context.Pointer);
        }
        finally
        {
            t_memory = outer;
        }
    }

    internal static ref readonly T Data<T>(uint offset)
        where T : unmanaged => ref At<T>(t_memory.Data, offset);

    internal static ref T Scratch<T>(uint offset)
        where T : unmanaged => ref At<T>(t_memory.Scratch, offset);

    // SAFETY: the value lies inside of the view; the null reference is what the kfunc gives otherwise.
    private static ref T At<T>(NativeView view, uint offset)
        where T : unmanaged =>
        ref offset <= view.Length && sizeof(T) <= view.Length - offset ? ref *(T*)(view.Pointer + offset) : ref Unsafe.NullRef<T>();
}
