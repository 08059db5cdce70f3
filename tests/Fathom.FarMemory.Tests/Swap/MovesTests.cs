using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Swap;

namespace Fathom.FarMemory.Tests.Swap;

/// <summary>What happens to objects between the mark that announces their move and the move, which waits for a scope.</summary>
public sealed unsafe class MovesTests : IDisposable
{
    private const int ObjectBytes = 1024;
    private const int Objects = 14; // two spans of seven

    private readonly FaultyPool _pool = new(1);
    private readonly FarSpanTable _table = new();
    private readonly SlotTable _slots = new(slotBytes: 8);
    private readonly FarHeapMeters _meters = new(null, () => default);
    private readonly PageHeap _pages = new(FarHeapOptions.LocalMemoryBytesMin);
    private readonly ObjectSpace _space;
    private readonly EpochDomain _epochs;
    private readonly ThreadCache _cache;
    private readonly PointerBarrier _barrier;
    private readonly nint[] _objects = new nint[Objects];

    public MovesTests()
    {
        _space = new ObjectSpace(_pages, TimeSpan.FromSeconds(10));
        _epochs = new EpochDomain(_pages.FirstPage, _pages.Pages);
        _cache = new ThreadCache(null!, _epochs.Join());
        _barrier = new PointerBarrier(_space, new SwapIn(_table, _space, _pool, TimeSpan.FromSeconds(5), _meters), _table, _pool, _meters);
        _slots.Take(_objects);
        for (var i = 0; i < Objects; i++)
        {
            // The first two of each span are hot: they are the ones that move.
            Assert.True(_space.TryTake(_cache, ObjectBytes, SlotOf(i), PageUse.Application, out var place));
            new Span<byte>(place.Address, ObjectBytes).Fill((byte)i);
            *SlotOf(i) = PointerWord.Local((ulong)place.Address, i % 7 < 2 ? PointerWord.Hottest : (byte)0, shared: false).Value;
            place.Span.Publish(place.ObjectIndex, SlotOf(i));
        }
        _space.Empty(_cache);
    }

    public void Dispose()
    {
        _epochs.Dispose();
        _slots.Dispose();
        _pages.Dispose();
    }

    [Fact]
    public void Moves_Undisturbed_GatherTheHotObjects()
    {
        RunMoves(() => { });
        Assert.Equal(4, Enumerable.Range(0, Objects).GroupBy(SpanOf).Single(g => g.Key.State == SpanState.Filling).Count());
        EverySpanCountsWhatItHolds();
    }

    [Fact]
    public void Free_UnderTheMark_LeavesThePlaceToTheMove()
    {
        RunMoves(() => Assert.True(_barrier.Free(SlotOf(0))));
        EverySpanCountsWhatItHolds();
        EveryObjectIsWhole(except: 0);
    }

    [Fact]
    public void Free_AfterADereferenceTookTheMarkOff_GivesThePlaceBackOnce()
    {
        RunMoves(() =>
        {
            _barrier.Dereference(SlotOf(0), _cache);
            Assert.False(WordOf(0).IsMoving);
            Assert.True(_barrier.Free(SlotOf(0)));
        });
        EverySpanCountsWhatItHolds();
        EveryObjectIsWhole(except: 0);
    }

    [Fact]
    public void SlotUsedAgain_UnderTheMark_KeepsItsNewObject()
    {
        RunMoves(() =>
        {
            Assert.True(_barrier.Free(SlotOf(0)));
            Assert.True(_space.TryTake(_cache, ObjectBytes, SlotOf(0), PageUse.Application, out var place));
            new Span<byte>(place.Address, ObjectBytes).Clear();
            *SlotOf(0) = PointerWord.Local((ulong)place.Address, PointerWord.Hottest, shared: false).Value;
            place.Span.Publish(place.ObjectIndex, SlotOf(0));
        });
        EverySpanCountsWhatItHolds();
        EveryObjectIsWhole(except: -1);
    }

    [Fact]
    public void Publish_OfAnObjectFreedMeanwhile_LeavesItsPlaceFree()
    {
        Assert.True(_space.TryTake(_cache, ObjectBytes, SlotOf(0), PageUse.Application, out var place));
        _space.Vacate(place.Span, place.ObjectIndex);
        place.Span.Publish(place.ObjectIndex, SlotOf(0));
        EverySpanCountsWhatItHolds();
    }

    /// <summary>Runs one step of filtering, and <paramref name="meanwhile"/> while it waits for a scope with its marks set.</summary>
    private void RunMoves(Action meanwhile)
    {
        var options = new FarHeapOptions { LocalMemoryBytes = FarHeapOptions.LocalMemoryBytesMin, ScopePatience = TimeSpan.FromMinutes(5) };
        var filtering = new Filtering(_space, _epochs, new ColdSpans(capacity: 16), options, _meters);
        _cache.Participant.Slot->Enter();
        var thread = new Thread(() => filtering.Step(FilterPressure.Middle, out _));
        thread.Start();
        Assert.True(SpinWait.SpinUntil(() => WordOf(0).IsMoving && WordOf(8).IsMoving, TimeSpan.FromMinutes(1)));
        meanwhile();
        _cache.Participant.Slot->Exit();
        thread.Join();
    }

    private void EverySpanCountsWhatItHolds()
    {
        foreach (var span in _pages.Spans.Take(_pages.SpanCount).Where(s => s.State != SpanState.Free))
            Assert.Equal(new Span<ulong>(span.Reverse, span.Capacity).ToArray().Count(r => r != 0), span.Live);
    }

    private void EveryObjectIsWhole(int except)
    {
        for (var i = 0; i < Objects; i++)
        {
            if (i == except)
                continue;
            var bytes = new Span<byte>((byte*)WordOf(i).Address, ObjectBytes);
            Assert.Equal(-1, bytes.IndexOfAnyExcept((byte)i));
        }
    }

    private LocalSpan SpanOf(int i) => _pages.SpanAt(WordOf(i).Address);

    private ulong* SlotOf(int i) => (ulong*)_objects[i];

    private PointerWord WordOf(int i) => new(Volatile.Read(ref *SlotOf(i)));
}
