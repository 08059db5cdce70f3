using Fathom.Storage.Native;
using Fathom.Storage.Uring;

namespace Fathom.Storage.Kernel;

/// <summary>Runs chains in the kernel: the module steps them where their reads complete.</summary>
/// <remarks>
/// Single blocking calls are one system call; batches and asynchronous ones go over rings, of which each entry is a chain.
/// A function written in C# cannot run in the kernel: its chains run over an engine in user space, with the same results.
/// </remarks>
internal sealed class KernelEngine : StorageEngine
{
    private readonly XrpDevice _device;
    private readonly KernelFunctions _functions;
    private readonly UringEngine _rings;
    private readonly StorageEngine _userSpace;
    private long _calls;
    private long _reads;
    private volatile bool _closing;

    private KernelEngine(EngineChoice choice, StorageEngineOptions options, XrpDevice device, KernelFunctions functions, UringEngine rings)
        : base(choice, options)
    {
        _device = device;
        _functions = functions;
        _rings = rings;
        _userSpace = Start(options with { Kind = EngineKind.Auto });
    }

    public override EngineCounters Counters
    {
        get
        {
            var (rings, user) = (_rings.Counters, _userSpace.Counters);
            var calls = Volatile.Read(ref _calls);
            return new EngineCounters(
                calls + rings.Chains + user.Chains, Volatile.Read(ref _reads) + rings.Reads + user.Reads, calls + rings.SystemCalls + user.SystemCalls);
        }
    }

    /// <summary>Starts the engine; null with the reason when the module is not there or may not be used.</summary>
    public static KernelEngine? TryStart(StorageEngineOptions options, out string refusal)
    {
        var device = XrpDevice.TryOpen(out refusal);
        if (device is null)
            return null;
        if (ModuleTypes.TryFind(out refusal) is { } types)
        {
            var functions = new KernelFunctions(types);
            RingLoop? Make(StorageEngineOptions wanted, out string why) => KernelLoop.TryCreate(device, functions, wanted, out why);
            if (UringEngine.TryStart(Make, EngineKind.Kernel, options, out refusal) is { } rings)
                return new KernelEngine(new EngineChoice(EngineKind.Kernel, $"{XrpCalls.DevicePath}; {rings.Choice.Reason}"), options, device, functions, rings);
            functions.Dispose();
        }
        device.Dispose();
        return null;
    }

    /// <inheritdoc/>
    internal override void Adopt(StorageFile file)
    {
        if (!file.IsDirect)
            throw new StorageFileException(file.Path, "is to be read through the page cache, which the kernel does not do");
        var flags = (file.Holes == HolePolicy.Zeros ? XrpCalls.PinZeros : 0) | (file.Guard == FileGuard.Sealed ? XrpCalls.PinSeal : 0);
        var errno = _device.Pin(file.Handle, flags, out var pin);
        if (errno != 0)
            throw new StorageFileException(file.Path, $"cannot be read from its device: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)}", errno);
        file.KernelPin = pin;
    }

    /// <inheritdoc/>
    internal override void Forget(StorageFile file)
    {
        _device.Unpin(file.KernelPin);
        _rings.Forget(file);
        _userSpace.Forget(file);
    }

    internal override void RunAll(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        var programs = 0;
        foreach (ref readonly var request in requests)
        {
            if (request.Function.Program is not { } program)
                continue;
            programs++;
            _functions.IdOf(request.Function); // what the kernel does not take is the caller's to hear, before anything runs
        }
        if (programs == requests.Length)
            RunInKernel(requests, results);
        else if (programs == 0)
            _userSpace.RunAll(requests, results);
        else
            RunMixed(requests, results, programs);
    }

    internal override ValueTask<ChainResult> Queue(in ChainRequest request)
    {
        if (request.Function.Program is null)
            return _userSpace.Queue(request);
        _functions.IdOf(request.Function);
        return _rings.Queue(request);
    }

    private protected override void Dispose(bool disposing)
    {
        if (_closing)
            return;
        _closing = true;
        _rings.Dispose();
        _userSpace.Dispose();
        _functions.Dispose();
        _device.Dispose();
    }

    private void RunInKernel(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        if (requests.Length == 1 && !requests[0].Cancellation.CanBeCanceled)
            results[0] = RunHere(requests[0]);
        else
            _rings.RunAll(requests, results);
    }

    private unsafe ChainResult RunHere(in ChainRequest request)
    {
        Interlocked.Increment(ref _calls);
        if (_closing || !request.File.TryAcquire())
            return new ChainResult { Status = ChainStatus.Closed };
        var result = new ChainResult { Status = ChainStatus.Deadline };
        if (!KernelChain.IsOverdue(request))
        {
            var call = KernelChain.Describe(request, request.File.KernelPin, _functions.IdOf(request.Function));
            // SAFETY: the scratch is pinned for the call and as long as said.
            fixed (byte* scratch = request.Scratch.Span)
            {
                call.Scratch = (ulong)scratch;
                var errno = _device.Run(ref call);
                result = errno == 0 ? KernelChain.ResultOf(call) : KernelChain.Refused(errno);
            }
        }
        request.File.Release();
        Interlocked.Add(ref _reads, result.Hops);
        return result;
    }

    private void RunMixed(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results, int programs)
    {
        var (inKernel, here) = (new ChainRequest[programs], new ChainRequest[requests.Length - programs]);
        var (ran, ranHere) = (new ChainResult[programs], new ChainResult[requests.Length - programs]);
        var (kernel, user) = (0, 0);
        foreach (ref readonly var request in requests)
        {
            if (request.Function.Program is null)
                here[user++] = request;
            else
                inKernel[kernel++] = request;
        }
        RunInKernel(inKernel, ran);
        _userSpace.RunAll(here, ranHere);
        (kernel, user) = (0, 0);
        for (var i = 0; i < requests.Length; i++)
            results[i] = requests[i].Function.Program is null ? ranHere[user++] : ran[kernel++];
    }
}
