using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>
/// Parities under construction. A compaction never changes a parity in place: the parity node builds the new one in a shadow
/// under the operation's id, takes every contribution once, and turns it into a fragment only on commit.
/// </summary>
/// <remarks>
/// Owned by <see cref="NodeStore"/>; any thread may call; one lock guards it. Decided operations leave a mark behind, so that a
/// contribution or a decision that arrives late or twice changes nothing.
/// </remarks>
internal sealed class ShadowTable(long bytesMax) : IDisposable
{
    private const int DecidedMax = 8192;

    private readonly Lock _lock = new();
    private readonly Dictionary<ShadowKey, Shadow> _shadows = [];
    private readonly Dictionary<ShadowKey, Decision> _decided = [];
    private readonly Queue<ShadowKey> _decidedOrder = new();
    private long _bytes;

    /// <summary>Bytes of shadows now.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _bytes;
        }
    }

    /// <summary>Adds one contribution; the first one copies the parity that it starts from.</summary>
    /// <param name="target">Where the new parity will stand, under which operation.</param>
    /// <param name="contributor">0 to 63; each counts once.</param>
    /// <param name="delta">Already multiplied by its coefficient.</param>
    /// <param name="readBase">Fills a buffer with the old parity, checked against its checksum.</param>
    public WireStatus Add(in ShadowKey target, int contributor, NativeView delta, Func<NativeView, WireStatus> readBase)
    {
        if (contributor is < 0 or > 63)
            return WireStatus.BadRequest;
        lock (_lock)
        {
            if (_decided.TryGetValue(target, out var decision))
                return decision.IsCommitted ? WireStatus.Done : WireStatus.NotPrepared;
            if (!_shadows.TryGetValue(target, out var shadow))
            {
                if (_bytes + delta.Length > bytesMax)
                    return WireStatus.Busy;
                var bytes = NativeBuffer.Allocate(delta.Length);
                var status = readBase(bytes.View);
                if (status != WireStatus.Done)
                {
                    bytes.Dispose();
                    return status;
                }
                _bytes += bytes.Length;
                _shadows.Add(target, shadow = new Shadow(bytes));
            }
            if (shadow.Bytes.Length != delta.Length)
                return WireStatus.BadRequest;
            var mark = 1UL << contributor;
            if ((shadow.Contributors & mark) != 0)
                return WireStatus.Done;
            if (shadow.IsPrepared)
                return WireStatus.BadRequest;
            ErasureCode.ReedSolomon.MultiplyAccumulate(1, delta, shadow.Bytes.View);
            shadow.Contributors |= mark;
            return WireStatus.Done;
        }
    }

    /// <summary>Whether exactly these contributions are in; from then on the shadow takes no others and waits for the decision.</summary>
    public WireStatus Prepare(in ShadowKey target, ulong contributors)
    {
        lock (_lock)
        {
            if (_decided.TryGetValue(target, out var decision))
                return decision.IsCommitted ? WireStatus.Done : WireStatus.NotPrepared;
            if (!_shadows.TryGetValue(target, out var shadow) || shadow.Contributors != contributors)
                return WireStatus.NotPrepared;
            shadow.IsPrepared = true;
            return WireStatus.Done;
        }
    }

    /// <summary>Hands a prepared shadow to <paramref name="publish"/> and forgets it when that succeeds.</summary>
    public WireStatus Commit(in ShadowKey target, Func<NativeView, uint, WireStatus> publish, out uint checksum)
    {
        checksum = 0;
        lock (_lock)
        {
            if (_decided.TryGetValue(target, out var decision))
            {
                checksum = decision.Checksum;
                return decision.IsCommitted ? WireStatus.Done : WireStatus.NotPrepared;
            }
            if (!_shadows.TryGetValue(target, out var shadow) || !shadow.IsPrepared)
                return WireStatus.NotPrepared;
            checksum = Crc32C.Compute(shadow.Bytes.View);
            var status = publish(shadow.Bytes.View, checksum);
            if (status == WireStatus.Done)
                Decide(target, new Decision(true, checksum));
            return status;
        }
    }

    /// <summary>Drops a shadow; contributions that still come are refused.</summary>
    public WireStatus Abort(in ShadowKey target)
    {
        lock (_lock)
        {
            if (_decided.TryGetValue(target, out var decision))
                return decision.IsCommitted ? WireStatus.BadRequest : WireStatus.Done;
            Decide(target, default);
            return WireStatus.Done;
        }
    }

    /// <summary>Drops what a region's release leaves without a place.</summary>
    public void DropRegion(RegionId region)
    {
        lock (_lock)
        {
            foreach (var key in _shadows.Keys.Where(key => key.Region == region).ToList())
                Decide(key, default);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var shadow in _shadows.Values)
                shadow.Bytes.Dispose();
            _shadows.Clear();
        }
    }

    private void Decide(in ShadowKey target, Decision decision)
    {
        if (_shadows.Remove(target, out var shadow))
        {
            _bytes -= shadow.Bytes.Length;
            shadow.Bytes.Dispose();
        }
        _decided[target] = decision;
        _decidedOrder.Enqueue(target);
        if (_decidedOrder.Count > DecidedMax)
            _decided.Remove(_decidedOrder.Dequeue());
    }

    private readonly record struct Decision(bool IsCommitted, uint Checksum);

    private sealed class Shadow(NativeBuffer bytes)
    {
        public NativeBuffer Bytes { get; } = bytes;

        public ulong Contributors { get; set; }

        public bool IsPrepared { get; set; }
    }
}

/// <summary>One new parity of one operation: an operation has one for each parity node.</summary>
internal readonly record struct ShadowKey(OperationId Operation, RegionId Region, ulong Offset, Generation Generation);
