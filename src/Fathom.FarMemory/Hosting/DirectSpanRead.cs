using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.Memory;

namespace Fathom.FarMemory.Hosting;

/// <summary>
/// A span that a thread reads itself, past the state machine: its own fragment (all k chunks of a split span), or, while a node is
/// not counted on, any k fragments of the set, from which this thread decodes.
/// </summary>
/// <remarks>
/// On the reading thread's stack. <see cref="TryPlan"/> and <see cref="End"/> run under the pool's lock, the rest outside of it. The
/// plan may be out of date by then: generations, incarnations and checksums tell. Allocates nothing but scratch memory that is reused.
/// </remarks>
internal struct DirectSpanRead
{
    private const int FragmentsMax = 16; // k at most, see FarPoolOptions
    private const int KnownZero = -1;

    private PartArray _parts;
    private SlotArray _present;
    private SlotArray _partOfPresent;
    private MissingArray _missing;
    private BufferArray _scratch;
    private NodeArray _nodes;
    private int _partCount;
    private int _presentCount;
    private int _missingCount;
    private int _scratchCount;
    private int _fragmentBytes;

    public int LengthBytes { get; private set; }

    /// <summary>What to read.</summary>
    [UnscopedRef]
    public Span<DirectRead> Parts => ((Span<DirectRead>)_parts)[.._partCount];

    /// <summary>Looks up where the bytes stand.</summary>
    /// <returns>False when the state machine has to see to it: too few nodes that answer for certain, or no such span.</returns>
    public bool TryPlan(PoolCore core, SpanId span, NativeView destination)
    {
        if (core.IsFenced || !core.Table.TryGet(span, out var set, out var slot, out var lengthBytes) || destination.Length < lengthBytes)
            return false;
        LengthBytes = lengthBytes;
        _fragmentBytes = set.FragmentBytes;
        var (first, end) = core.Options.Scheme == RedundancyScheme.ErasureSplit ? (0, set.DataFragments) : (slot, slot + 1);
        for (var wanted = first; wanted < end; wanted++)
        {
            var view = destination.Slice((long)(wanted - first) * _fragmentBytes, _fragmentBytes);
            if (set.IsZero(wanted))
                return false;
            if (IsReadable(set, wanted))
                Read(core, set, wanted, view);
            else
                _missing[_missingCount++] = new MissingFragment(wanted, view, set.Places[wanted].Checksum);
        }
        return _missingCount == 0 || TryPlanOthers(core, set, first, end);
    }

    /// <summary>All reads have ended: decodes what is missing.</summary>
    /// <returns>Whether the destination holds the right bytes.</returns>
    public bool TryFinish(FragmentCode code)
    {
        foreach (ref var part in Parts)
        {
            if (!part.IsGood)
                return false;
        }
        foreach (ref readonly var missing in ((Span<MissingFragment>)_missing)[.._missingCount])
        {
            if (!TryDecode(code, missing))
                return false;
        }
        return true;
    }

    /// <summary>Counts what was read, or who was slow, and gives scratch memory back.</summary>
    public void End(PoolCore core, bool isGood)
    {
        ReturnScratch(core);
        if (!isGood)
        {
            for (var i = 0; i < _partCount; i++)
            {
                if (_parts[i].Outcome == DirectReadOutcome.Slow)
                    core.Health.Miss(_nodes[i]!);
            }
            return;
        }
        for (var i = 0; i < _partCount; i++)
            _nodes[i]!.Misses = 0;
        core.Tally.SpansRead++;
        core.Hedges.Earn();
        if (_missingCount == 0)
        {
            core.Tally.FragmentReads += _partCount;
            return;
        }
        core.Tally.DegradedReads++;
        core.Tally.DegradedFragments += _partCount;
    }

    /// <summary>The bytes have to be decoded.</summary>
    public readonly bool IsDegraded => _missingCount > 0;

    private static bool IsReadable(SpanSet set, int slot) => !set.IsMissing(slot) && set.Places[slot].Node.Health == NodeHealth.Up;

    /// <summary>Other fragments, up to k in all; known zeros count and are not read.</summary>
    private bool TryPlanOthers(PoolCore core, SpanSet set, int first, int end)
    {
        for (var slot = 0; slot < set.Slots && _presentCount < set.DataFragments; slot++)
        {
            if (slot >= first && slot < end)
                continue;
            if (set.IsZero(slot))
            {
                _partOfPresent[_presentCount] = KnownZero;
                _present[_presentCount++] = slot;
            }
            else if (IsReadable(set, slot))
            {
                var buffer = core.Buffers.Rent(_fragmentBytes);
                _scratch[_scratchCount++] = buffer;
                Read(core, set, slot, buffer.View);
            }
        }
        if (_presentCount == set.DataFragments)
            return true;
        ReturnScratch(core);
        return false;
    }

    private void Read(PoolCore core, SpanSet set, int slot, NativeView destination)
    {
        ref readonly var place = ref set.Places[slot];
        _partOfPresent[_presentCount] = _partCount;
        _present[_presentCount++] = slot;
        _nodes[_partCount] = place.Node;
        _parts[_partCount++] = new DirectRead
        {
            Node = place.Node.Id,
            Incarnation = place.Region.Grant.Incarnation,
            Epoch = core.Epoch,
            From = place.Range,
            Destination = destination,
            Expected = place.Checksum,
        };
    }

    private readonly bool TryDecode(FragmentCode code, in MissingFragment missing)
    {
        var k = code.DataFragments;
        Span<byte> coefficients = stackalloc byte[k];
        code.Solve(((ReadOnlySpan<int>)_present)[..k], missing.Slot, coefficients);
        var views = default(ViewArray);
        Span<NativeView> sources = views;
        Span<byte> factors = stackalloc byte[k];
        var count = 0;
        for (var i = 0; i < k; i++)
        {
            if (_partOfPresent[i] == KnownZero)
                continue;
            sources[count] = _parts[_partOfPresent[i]].Destination;
            factors[count++] = coefficients[i];
        }
        FragmentCode.Combine(sources[..count], factors[..count], missing.Destination);
        return Crc32C.Compute(missing.Destination) == missing.Checksum;
    }

    private void ReturnScratch(PoolCore core)
    {
        while (_scratchCount > 0)
            core.Buffers.Return(_scratch[--_scratchCount]!);
    }

    private readonly record struct MissingFragment(int Slot, NativeView Destination, uint Checksum);

    [InlineArray(FragmentsMax)]
    private struct PartArray
    {
        private DirectRead _first;
    }

    [InlineArray(FragmentsMax)]
    private struct SlotArray
    {
        private int _first;
    }

    [InlineArray(FragmentsMax)]
    private struct MissingArray
    {
        private MissingFragment _first;
    }

    [InlineArray(FragmentsMax)]
    private struct BufferArray
    {
        private NativeBuffer? _first;
    }

    [InlineArray(FragmentsMax)]
    private struct NodeArray
    {
        private FarNode? _first;
    }

    [InlineArray(FragmentsMax)]
    private struct ViewArray
    {
        private NativeView _first;
    }
}
