using System.Collections.Immutable;
using Fathom.Bpf.Authoring;
using Fathom.Bpf.Compiler.Lowering;
using Fathom.Bpf.Compiler.Registers;
using Fathom.Bpf.Instructions;
using Mono.Cecil;

namespace Fathom.Bpf.Compiler;

/// <summary>Compiles the methods of an assembly that carry <see cref="StorageFunctionAttribute"/> to eBPF.</summary>
/// <remarks>
/// Reads IL, with source lines from the symbols beside the assembly. What comes out is not verified: that is the verifier's, as for
/// any program. Optimised assemblies give better programs.
/// </remarks>
public static class StorageFunctionCompiler
{
    /// <summary>Compiles all storage functions of an assembly, in the order in which they stand there.</summary>
    /// <param name="assemblyPath">The assembly; the ones that it refers to are looked for beside it and in <paramref name="referenceFolders"/>.</param>
    /// <param name="referenceFolders">Where else references are.</param>
    /// <exception cref="CompileException">A method does something that eBPF does not have.</exception>
    /// <exception cref="BadImageFormatException">The file is no assembly.</exception>
    public static ImmutableArray<BpfProgram> CompileAssembly(string assemblyPath, params IEnumerable<string> referenceFolders) =>
        CompileMethods(assemblyPath, referenceFolders, _ => true);

    /// <summary>Compiles one storage function of a loaded assembly.</summary>
    /// <param name="method">A static method with <see cref="StorageFunctionAttribute"/>, in an assembly that was loaded from a file.</param>
    /// <exception cref="CompileException">It does something that eBPF does not have, or is no storage function.</exception>
    public static BpfProgram Compile(StepFunction method)
    {
        var reflected = method.Method;
        var programs = CompileMethods(reflected.Module.Assembly.Location, [], definition => definition.MetadataToken.ToInt32() == reflected.MetadataToken);
        return programs is [var program] ? program : throw new CompileException(reflected.Name, "", 0, "is no storage function: it lacks the attribute");
    }

    private static ImmutableArray<BpfProgram> CompileMethods(string assemblyPath, IEnumerable<string> referenceFolders, Func<MethodDefinition, bool> isWanted)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(Path.GetFullPath(assemblyPath))!);
        resolver.AddSearchDirectory(Path.GetDirectoryName(typeof(object).Assembly.Location)!);
        foreach (var folder in referenceFolders)
            resolver.AddSearchDirectory(folder);
        var hasSymbols = File.Exists(Path.ChangeExtension(assemblyPath, ".pdb"));
        using var module = ModuleDefinition.ReadModule(assemblyPath, new ReaderParameters { AssemblyResolver = resolver, ReadSymbols = hasSymbols });
        return [.. module.GetTypes().SelectMany(type => type.Methods).Where(method => Mark(method) is not null && isWanted(method)).Select(Compile)];
    }

    private static CustomAttribute? Mark(MethodDefinition method) =>
        method.CustomAttributes.FirstOrDefault(attribute => attribute.AttributeType.FullName == typeof(StorageFunctionAttribute).FullName);

    private static string LicenseOf(MethodDefinition method) =>
        Mark(method)!.Properties.FirstOrDefault(property => property.Name == nameof(StorageFunctionAttribute.License)).Argument.Value as string ?? "";

    private static BpfProgram Compile(MethodDefinition method)
    {
        var isStep = method.IsStatic && method.ReturnType.MetadataType == MetadataType.Int32 && method.Parameters is [{ ParameterType.IsByReference: true }];
        if (!isStep)
            throw new OperationList(method).Error("a storage function is static, takes one context by reference and returns int");
        var unit = new CompilationUnit();
        unit.IndexOf(method);
        var codes = new List<CodeWriter.Code>();
        for (var i = 0; i < unit.Methods.Count; i++)
            codes.Add(CodeWriter.Write(MethodLowering.Lower(unit.Methods[i], unit)));
        return Link(method.Name, LicenseOf(method), codes, unit);
    }

    private static BpfProgram Link(string name, string license, List<CodeWriter.Code> codes, CompilationUnit unit)
    {
        var entries = new int[codes.Count];
        for (var i = 1; i < codes.Count; i++)
            entries[i] = entries[i - 1] + codes[i - 1].Slots.Count;
        var slots = ImmutableArray.CreateBuilder<BpfInstruction>();
        var lines = ImmutableArray.CreateBuilder<SourceLine>();
        for (var i = 0; i < codes.Count; i++)
        {
            foreach (var (slot, subprogram) in codes[i].Calls)
                codes[i].Slots[slot] = Encode.Call(CallKind.Local, entries[subprogram] - (entries[i] + slot) - 1);
            slots.AddRange(codes[i].Slots);
            lines.AddRange(codes[i].Lines.Select(line => line with { FirstInstruction = line.FirstInstruction + entries[i] }));
        }
        return new BpfProgram(name, slots.ToImmutable(), [], [.. unit.Kfuncs], lines.ToImmutable()) { License = license };
    }
}
