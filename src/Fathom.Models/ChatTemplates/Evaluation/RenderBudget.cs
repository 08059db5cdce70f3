using System.Runtime.CompilerServices;

namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>
/// What one rendering may still spend, and the line it is at. Owned by one <see cref="ChatTemplate.Render"/> call and used
/// on its thread only. Whatever loops or grows charges here before it does so.
/// </summary>
internal sealed class RenderBudget(ChatTemplateLimits limits, CancellationToken cancellationToken)
{
    private const int StepsPerCancellationCheck = 1024;

    private long _steps;
    private long _nextCancellationCheck = StepsPerCancellationCheck;
    private long _textCharacters;
    private int _depth;

    /// <summary>Line of the node under evaluation; what an error reports.</summary>
    public int Line { get; set; } = 1;

    public int StringCharactersMax => limits.OutputCharactersMax;

    /// <summary>One node of the tree: a step, its line, and room on the thread's stack for what it nests.</summary>
    public void Enter(int line)
    {
        Line = line;
        CheckStack();
        Charge(1);
    }

    /// <summary>Counts work in units of one evaluated node.</summary>
    public void Charge(long steps)
    {
        _steps += steps;
        if (_steps > limits.StepsMax)
            throw TemplateFault.Limit($"the limit of {limits.StepsMax} steps is reached (StepsMax).");
        if (_steps >= _nextCancellationCheck)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _nextCancellationCheck = _steps + StepsPerCancellationCheck;
        }
    }

    /// <summary>Call before a string of this many UTF-16 units is built.</summary>
    public void ChargeText(long characters)
    {
        if (characters > limits.OutputCharactersMax)
            throw TemplateFault.Limit(
                $"a text longer than the limit of {limits.OutputCharactersMax} characters (OutputCharactersMax).");
        _textCharacters += characters;
        if (_textCharacters > limits.TextCharactersMax)
            throw TemplateFault.Limit(
                $"the limit of {limits.TextCharactersMax} characters of intermediate text is reached (TextCharactersMax).");
        Charge(characters / 64);
    }

    public void EnterCall()
    {
        if (++_depth > limits.DepthMax)
            throw TemplateFault.Limit($"calls nested deeper than the limit of {limits.DepthMax} (DepthMax).");
    }

    public void LeaveCall() => _depth--;

    /// <summary>Nested data (a list in a list in a list) recurses too; a stack overflow could not be caught.</summary>
    public static void CheckStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw TemplateFault.Limit("expressions or values nested deeper than the stack allows.");
    }
}
