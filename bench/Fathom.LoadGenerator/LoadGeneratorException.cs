namespace Fathom.LoadGenerator;

/// <summary>The run could not start or makes no sense: a bad option, or a server that does not answer as one.</summary>
/// <remarks>Requests that fail during a run are not exceptions: they are counted by kind in the report.</remarks>
public sealed class LoadGeneratorException : Exception
{
    /// <summary>Creates the error with a one-line message.</summary>
    /// <param name="subject">The option or address at fault.</param>
    /// <param name="problem">What is wrong with it.</param>
    /// <param name="inner">The cause, when another exception reported it.</param>
    public LoadGeneratorException(string subject, string problem, Exception? inner = null)
        : base($"{subject}: {problem}", inner)
    {
        Subject = subject;
        Problem = problem;
    }

    /// <summary>The option or address at fault.</summary>
    public string Subject { get; }

    /// <summary>What is wrong with it.</summary>
    public string Problem { get; }
}
