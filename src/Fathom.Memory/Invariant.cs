using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Fathom.Memory;

/// <summary>Checks that hold unless Fathom itself is wrong; on in every build.</summary>
/// <remarks>Never used for what comes from outside: files, requests and options have their own errors.</remarks>
public static class Invariant
{
    /// <summary>Throws <see cref="InvariantViolationException"/> when <paramref name="condition"/> is false.</summary>
    /// <param name="condition">What must hold.</param>
    /// <param name="expression">The source text of the condition; the compiler fills it in.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string expression = "")
    {
        if (!condition)
            Fail(expression);
    }

    /// <summary>Throws <see cref="InvariantViolationException"/>: a place that must not be reached was.</summary>
    /// <param name="message">What was found, in one line.</param>
    /// <param name="cause">The exception that revealed it, if there was one.</param>
    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fail(string message, Exception? cause = null) => throw new InvariantViolationException(message, cause);
}
