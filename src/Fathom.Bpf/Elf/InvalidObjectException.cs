namespace Fathom.Bpf.Elf;

/// <summary>An object file that is no BPF object, or is damaged, or asks for what this library does not have.</summary>
public sealed class InvalidObjectException : BpfException
{
    /// <param name="file">The object file.</param>
    /// <param name="section">The section at fault; null when it is the file as a whole.</param>
    /// <param name="problem">What is wrong, with the value that was found.</param>
    public InvalidObjectException(string file, string? section, string problem)
        : base(file, section is null ? problem : $"section {section}: {problem}")
    {
        Section = section;
    }

    /// <summary>The section at fault; null when it is the file as a whole.</summary>
    public string? Section { get; }
}
