namespace Fathom.Storage;

/// <summary>One step of a chain, in C#: looks at a block that was read and asks for the next ones, or ends the chain.</summary>
/// <param name="context">The read that completed; next reads and <see cref="StorageContext.Done"/> are set here.</param>
/// <param name="data">The bytes that were read, no more; gone when the step returns.</param>
/// <param name="scratch">The chain's own memory: arguments, state and results.</param>
/// <returns>0, or a negative error that ends the chain and reaches the caller as <see cref="ChainResult.Code"/>.</returns>
/// <remarks>Runs on the thread that completes reads: it must not block, and it bounds its own loops.</remarks>
public delegate int StorageStep(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> scratch);

/// <summary>A function that engines run when a read completes.</summary>
/// <remarks>Immutable; any number of chains on any threads may run it at the same time.</remarks>
public sealed class StorageFunction
{
    private readonly StorageStep _step;

    private StorageFunction(string name, StorageStep step)
    {
        Name = name;
        _step = step;
    }

    /// <summary>The function's name, for messages.</summary>
    public string Name { get; }

    /// <summary>A function written in C#. It is trusted: nothing verifies it.</summary>
    /// <param name="step">The step; must be safe to run on several threads at once.</param>
    /// <param name="name">Name for messages; the method's own when left out.</param>
    public static StorageFunction FromDelegate(StorageStep step, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(step);
        return new StorageFunction(name ?? step.Method.Name, step);
    }

    internal int Step(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> scratch) => _step(ref context, data, scratch);
}
