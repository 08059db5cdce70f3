using System.Buffers;
using Fathom.Storage.Uring;

namespace Fathom.Storage.Kernel;

/// <summary>A seat of a loop whose chains run in the kernel.</summary>
internal sealed class KernelSeat(int number) : RingSeat
{
    private ChainResult _result;

    /// <inheritdoc/>
    public override ref readonly ChainResult Result => ref _result;

    /// <summary>By which the kernel's answer names it.</summary>
    public int Number { get; } = number;

    /// <summary>What runs here.</summary>
    public ChainRequest Request { get; set; }

    /// <summary>Keeps the scratch where it is.</summary>
    public MemoryHandle Scratch { get; set; }

    /// <summary>Why the kernel was asked to end the chain; <see cref="ChainStatus.Done"/> when it was not.</summary>
    public ChainStatus EndedFor { get; set; }

    /// <summary>Sets the result.</summary>
    public void End(in ChainResult result) => _result = result;
}
