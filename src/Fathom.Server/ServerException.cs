namespace Fathom.Server;

/// <summary>Base of every failure that this library reports about what it was given.</summary>
public abstract class ServerException : Exception
{
    private protected ServerException(string message, Exception? cause)
        : base(message, cause)
    {
    }
}

/// <summary>An option has a value that the server cannot run with.</summary>
public sealed class ServerOptionsException : ServerException
{
    /// <summary>Creates the failure; the message names the option, its value and what is allowed.</summary>
    /// <param name="option">Name of the option as on the command line, without dashes.</param>
    /// <param name="value">The value as given.</param>
    /// <param name="allowed">What is allowed, as the end of a sentence.</param>
    /// <param name="cause">The failure below this one, if there is one.</param>
    public ServerOptionsException(string option, string value, string allowed, Exception? cause = null)
        : base($"option {option} has the value '{value}', but must be {allowed}", cause)
    {
        Option = option;
        Value = value;
        Allowed = allowed;
    }

    /// <summary>Name of the option.</summary>
    public string Option { get; }

    /// <summary>The value as given.</summary>
    public string Value { get; }

    /// <summary>What is allowed.</summary>
    public string Allowed { get; }
}
