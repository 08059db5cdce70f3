using Fathom.Bpf.Verification;

namespace Fathom.Storage;

/// <summary>A program that was to be attached was turned down by the verifier.</summary>
public sealed class FunctionRejectedException : StorageException
{
    internal FunctionRejectedException(string path, Rejection rejection)
        : base($"{path}: {rejection}")
    {
        Path = path;
        Rejection = rejection;
    }

    /// <summary>The object file.</summary>
    public string Path { get; }

    /// <summary>The instruction, the reason and the register state.</summary>
    public Rejection Rejection { get; }
}
