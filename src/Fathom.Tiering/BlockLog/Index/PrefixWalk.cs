using System.Buffers;
using System.Runtime.InteropServices;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Verification;
using Fathom.Memory;
using Fathom.Storage;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Index;

/// <summary>A look-up in the index: one chain of reads, run by the storage function <c>prefix_walk</c>, from the first key to the last that is stored.</summary>
/// <remarks>One look-up's, begun by its maker and disposed by it.</remarks>
internal sealed class PrefixWalk : IDisposable
{
    /// <summary>Keys of one chain; a longer prompt goes on with another.</summary>
    public const int KeysMax = 4096;

    private const int BadPage = -1;
    private static readonly Lazy<StorageFunction> Function = new(Load);

    private readonly LogFile _file;
    private readonly ReadOnlyMemory<KvBlockKey> _chain;
    private readonly int _keysAtOnce;
    private readonly byte[] _scratch;
    private int _run;
    private int _keys;
    private bool _resumes;
    private uint _page;

    public PrefixWalk(LogFile file, ReadOnlyMemory<KvBlockKey> chain, int keysAtOnce = KeysMax)
    {
        _file = file;
        _chain = chain;
        _keysAtOnce = keysAtOnce;
        _scratch = ArrayPool<byte>.Shared.Rent(WalkHead.Bytes + (Math.Min(chain.Length, keysAtOnce) * WalkPlace.Bytes));
        Places = ArrayPool<BlockPlace>.Shared.Rent(chain.Length);
    }

    /// <summary>Where the matched blocks lie, as many as <see cref="Matched"/>.</summary>
    public BlockPlace[] Places { get; }

    /// <summary>Keys that are in the index, from the first on.</summary>
    public int Matched { get; private set; }

    /// <summary>Pages that were read.</summary>
    public int Hops { get; private set; }

    /// <summary>Chains that were submitted.</summary>
    public int Submissions { get; private set; }

    /// <summary>The page that does not pass its checksum.</summary>
    public uint? DamagedPage { get; private set; }

    /// <summary>Whether the walk was cut off by something else than what the index says.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>How the chain ended that failed.</summary>
    public ChainResult Failure { get; private set; }

    /// <summary>The next chain to run.</summary>
    public ChainRequest Next(TimeSpan deadline, CancellationToken cancellation)
    {
        var header = _file.Header;
        // A chain that goes on begins with the key that was matched last: it leads to the place behind it.
        var first = _resumes ? Matched - 1 : 0;
        _keys = Math.Min(_chain.Length - first, _keysAtOnce);
        if (!_resumes)
            _page = header.PageOf(_chain.Span[0]);
        WalkHead.Of(_scratch) = new WalkHead
        {
            Seed = header.StoreId,
            IndexOffset = (ulong)LogHeader.IndexOffsetBytes,
            Pages = header.IndexPages,
            RunMax = IndexPage.RunMax,
            Keys = (uint)_keys,
            Run = _resumes ? (uint)_run - 1 : 0,
            Resumes = _resumes ? 1u : 0,
            Wave = 1,
        };
        MemoryMarshal.AsBytes(_chain.Span.Slice(first, _keys)).CopyTo(_scratch.AsSpan(WalkHead.Bytes));
        Submissions++;
        return new ChainRequest(
            _file.Chains, Function.Value, LogHeader.PageOffsetBytes(_page), IndexPage.Bytes,
            _scratch.AsMemory(0, WalkHead.Bytes + (_keys * WalkPlace.Bytes)))
        {
            Limits = new ChainLimits { Deadline = deadline },
            Cancellation = cancellation,
        };
    }

    /// <summary>Takes over what a chain found.</summary>
    /// <returns>Whether another chain has to go on from there.</returns>
    public bool Take(in ChainResult result)
    {
        Hops += result.Hops;
        ref var head = ref WalkHead.Of(_scratch);
        if (!result.IsDone)
        {
            HasFailed = true;
            Failure = result;
            if (result is { Status: ChainStatus.FunctionError, Code: BadPage })
                DamagedPage = (uint)(((long)head.FaultOffset - LogHeader.IndexOffsetBytes) / IndexPage.Bytes);
        }
        var matched = (int)Math.Min(head.Matched, (uint)_keys);
        var skip = _resumes ? 1 : 0;
        var places = MemoryMarshal.Cast<byte, WalkPlace>(_scratch.AsSpan(WalkHead.Bytes))[..matched];
        for (var i = skip; i < matched; i++)
        {
            ref readonly var place = ref places[i];
            if ((place.LengthAndFlags & WalkPlace.First) != 0) // of a page that its key names
                _page = _file.Header.PageOf(_chain.Span[Matched]);
            Places[Matched++] = new BlockPlace(
                _page, place.Unit, (int)(place.LengthAndFlags & BlockEntry.LengthMask), place.Checksum, place.Generation);
        }
        _run = (int)head.Run;
        var goesOn = !HasFailed && matched > skip && matched == _keys && Matched < _chain.Length;
        _resumes = goesOn;
        return goesOn;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_scratch);
        ArrayPool<BlockPlace>.Shared.Return(Places);
    }

    private static StorageFunction Load()
    {
        using var resource = typeof(PrefixWalk).Assembly.GetManifestResourceStream("prefix_walk.bpf.o");
        Invariant.Check(resource is not null);
        var bytes = new byte[resource!.Length];
        resource.ReadExactly(bytes);
        var verified = Verifier.Verify(BpfObject.Open("prefix_walk", bytes).FindProgram("prefix_walk"), ProgramType.StorageFunction) as VerifiedProgram;
        // The object is this library's own, and a test verifies it.
        Invariant.Check(verified is not null);
        return StorageFunction.FromProgram(verified!);
    }
}
