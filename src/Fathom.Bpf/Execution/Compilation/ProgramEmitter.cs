using System.Reflection.Emit;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>Emits all subprograms of a program.</summary>
internal static class ProgramEmitter
{
    private static readonly Type[] Parameters =
    [
        typeof(CompiledFunctions), typeof(BpfRun).MakeByRefType(), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong),
    ];

    /// <summary>The program's entry, ready to run.</summary>
    public static EntryPoint Emit(BoundProgram bound)
    {
        var entries = bound.Program.SubprogramEntries;
        // All methods exist before the first body, which may call any of them.
        var methods = new DynamicMethod[entries.Length];
        for (var i = 0; i < methods.Length; i++)
            methods[i] = new DynamicMethod($"bpf_{bound.Program.Name}_{entries[i]}", typeof(ulong), Parameters, typeof(ProgramEmitter).Module, skipVisibility: true);
        var functions = new List<HelperFunction>();
        for (var i = 0; i < methods.Length; i++)
            new SubprogramEmitter(bound, i, methods, functions).Emit();
        return methods[0].CreateDelegate<EntryPoint>(new CompiledFunctions([.. functions]));
    }
}
