using System.Runtime.CompilerServices;

namespace Fathom.Storage.Kernel;

/// <summary>The functions of an engine that the kernel has: loaded when a chain first names them, unloaded when they are forgotten or the engine closes.</summary>
/// <remarks>Any thread may use it; one lock guards the loading.</remarks>
internal sealed class KernelFunctions(ModuleTypes types) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ConditionalWeakTable<StorageFunction, KernelFunction> _loaded = [];

    /// <summary>The kernel's name of a program.</summary>
    /// <exception cref="FunctionLoadException">The kernel does not take it.</exception>
    public ulong IdOf(StorageFunction function)
    {
        if (_loaded.TryGetValue(function, out var loaded))
            return loaded.Id;
        lock (_lock)
        {
            if (!_loaded.TryGetValue(function, out loaded))
                _loaded.Add(function, loaded = KernelFunction.Load(function.Program!, types));
            return loaded.Id;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var (_, loaded) in _loaded)
                loaded.Dispose();
            _loaded.Clear();
        }
        types.Dispose();
    }
}
