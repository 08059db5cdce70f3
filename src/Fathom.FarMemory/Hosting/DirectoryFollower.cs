using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.Hosting;

/// <summary>Hears what a directory says of nodes and regions; called on the follower's thread.</summary>
internal interface IDirectoryListener
{
    void OnNodeUp(NodeId node, NodeEndpoint endpoint, Incarnation incarnation);

    void OnNodeDown(NodeId node);

    void OnNodeDraining(NodeId node);

    void OnGrant(RegionGrant grant);

    void OnGrantRefused(NodeId node);

    void OnFenced();

    /// <summary>How the pool is.</summary>
    PoolReport Report();
}

/// <summary>Keeps a compute process's lease alive, carries its questions to the directory, and tells it what changed.</summary>
/// <remarks>
/// Owned by a pool. One thread of its own makes all calls, so that a directory that is slow or away delays nothing else. While it is
/// away the pool goes on with what it has; a refused renewal, not silence, ends it. The thread waits by <see cref="Monitor.Wait(object, TimeSpan)"/>,
/// which does not spin: on a busy machine each yield of a spinning wait costs a turn of every other thread, together more than a short lease.
/// </remarks>
internal sealed class DirectoryFollower : IDisposable
{
    private const int QuestionsMax = 4096;
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(50);

    private readonly IDirectoryCalls _calls;
    private readonly IDirectoryListener _listener;
    private readonly Queue<(NodeId Node, bool IsRelease)> _questions = [];
    private readonly Dictionary<NodeId, DirectoryNode> _known = [];
    private readonly ManualResetEventSlim _hasMetNodes = new(false);
    private readonly Thread _thread;
    private bool _isStopped;
    private bool _isFenced;

    public DirectoryFollower(IDirectoryCalls calls, DirectoryLease lease, IDirectoryListener listener)
    {
        _calls = calls;
        Lease = lease;
        _listener = listener;
        _thread = new Thread(Follow) { IsBackground = true, Name = "region directory follower" };
    }

    public DirectoryLease Lease { get; }

    /// <summary>Begins, and waits until every node has been met or found absent, but no longer than it takes.</summary>
    public void Start(TimeSpan patience)
    {
        _thread.Start();
        _hasMetNodes.Wait(patience);
    }

    /// <summary>Asks for a region on a node; the listener hears of the answer.</summary>
    public void AskRegion(NodeId node)
    {
        if (!TryAdd(node, isRelease: false))
            _listener.OnGrantRefused(node);
    }

    /// <summary>Gives the regions on a node back.</summary>
    public void ReleaseRegions(NodeId node) => TryAdd(node, isRelease: true);

    public void Dispose()
    {
        lock (_questions)
        {
            _isStopped = true;
            Monitor.Pulse(_questions);
        }
        _thread.Join();
        if (!_isFenced)
            _calls.Close(Lease);
        _calls.Dispose();
        _hasMetNodes.Dispose();
    }

    private void Follow()
    {
        while (!Volatile.Read(ref _isStopped))
        {
            Poll();
            if (TryTake(out var question))
                Ask(question.Node, question.IsRelease);
        }
    }

    private bool TryAdd(NodeId node, bool isRelease)
    {
        lock (_questions)
        {
            if (_questions.Count >= QuestionsMax)
                return false;
            _questions.Enqueue((node, isRelease));
            Monitor.Pulse(_questions);
            return true;
        }
    }

    private bool TryTake(out (NodeId Node, bool IsRelease) question)
    {
        lock (_questions)
        {
            if (_questions.Count == 0 && !_isStopped)
                Monitor.Wait(_questions, PollEvery);
            return _questions.TryDequeue(out question);
        }
    }

    private void Ask(NodeId node, bool isRelease)
    {
        if (isRelease)
            _calls.Release(Lease, node);
        else if (!_isFenced && _calls.TryAllot(Lease, node, out var grant))
            _listener.OnGrant(grant);
        else
            _listener.OnGrantRefused(node);
    }

    private void Poll()
    {
        if (_isFenced || _calls.Poll(Lease, _listener.Report()) is not { } view)
            return;
        if (view.IsFenced)
        {
            _isFenced = true;
            _listener.OnFenced();
            return;
        }
        foreach (var node in view.Nodes)
        {
            var isKnown = _known.TryGetValue(node.Id, out var before);
            if (isKnown && before == node)
                continue;
            _known[node.Id] = node;
            switch (node.State)
            {
                case DirectoryNodeState.Up:
                    _listener.OnNodeUp(node.Id, node.Endpoint, node.Incarnation);
                    break;
                case DirectoryNodeState.Draining:
                    _listener.OnNodeUp(node.Id, node.Endpoint, node.Incarnation);
                    _listener.OnNodeDraining(node.Id);
                    break;
                case DirectoryNodeState.Down when isKnown:
                    _listener.OnNodeDown(node.Id);
                    break;
            }
        }
        if (view.Nodes.All(node => node.State != DirectoryNodeState.Unknown))
            _hasMetNodes.Set();
    }
}
