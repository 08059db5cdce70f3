using Fathom.Models.Execution;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>Stops the engine's loop before each iteration until the test lets it go on.</summary>
internal sealed class StepByStep : IDisposable
{
    private readonly SemaphoreSlim _entered = new(0);
    private readonly SemaphoreSlim _mayRun = new(0);
    private volatile bool _free;
    private bool _isStopped;

    /// <summary>Sequences of the iteration that the loop is about to run.</summary>
    public int Sequences { get; private set; }

    public void OnExecute(ForwardBatch batch)
    {
        if (_free)
            return;
        Sequences = batch.SequenceCount;
        _entered.Release();
        // A test that failed lets nobody go on: the loop then frees itself.
        _mayRun.Wait(TimeSpan.FromSeconds(60));
    }

    /// <summary>Lets the stopped iteration run, and waits until the next one is about to.</summary>
    public async Task NextAsync()
    {
        if (_isStopped)
            _mayRun.Release();
        Assert.True(await _entered.WaitAsync(TimeSpan.FromSeconds(30)), "no iteration began");
        _isStopped = true;
    }

    /// <summary>Stops no more.</summary>
    public void Free()
    {
        _free = true;
        _mayRun.Release(2);
    }

    public void Dispose()
    {
        Free();
        _entered.Dispose();
    }
}
