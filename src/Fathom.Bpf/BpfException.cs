namespace Fathom.Bpf;

/// <summary>Base of every error this library reports about its input: an object file, a program's text, a program's bytes.</summary>
/// <remarks>A program that the verifier turns down is no exception: its rejection is a value.</remarks>
public abstract class BpfException : Exception
{
    /// <summary>Composes the message "source: problem" of one line.</summary>
    /// <param name="source">The file, section or program that is wrong.</param>
    /// <param name="problem">What is wrong with it, with the value that was found.</param>
    /// <param name="inner">The cause, when another exception reported it.</param>
    protected BpfException(string source, string problem, Exception? inner = null)
        : base($"{source}: {problem}", inner)
    {
        Origin = source;
        Problem = problem;
    }

    /// <summary>The file, section or program that is wrong.</summary>
    public string Origin { get; }

    /// <summary>What is wrong with it.</summary>
    public string Problem { get; }
}
