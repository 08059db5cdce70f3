namespace Fathom.Bpf.Authoring;

/// <summary>Marks a static method that the compiler turns into eBPF: <c>static int Step(ref StepContext context)</c>.</summary>
/// <remarks>
/// The method, and what it calls, uses numbers, unmanaged structs by reference or pointer, and loops whose end the verifier can see; no
/// objects, no exceptions, no allocation. It returns 0, or a negative error that ends the chain.
/// </remarks>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class StorageFunctionAttribute : Attribute
{
    /// <summary>The licence that the function's author gives it, as a kernel reads it: <c>"GPL"</c> for one that is to run there. None by itself.</summary>
    public string License { get; init; } = "";
}
