namespace Fathom.FarMemory.Wire;

/// <summary>What a frame asks for; an answer carries the kind of its request. The numbers are the wire format.</summary>
public enum MessageKind : byte
{
    /// <summary>First frame of a connection: who calls, and for which region owner. The only frame understood across versions.</summary>
    Hello = 1,

    /// <summary>Liveness, capacity in use, drain state.</summary>
    Heartbeat = 2,

    /// <summary>Registers memory for a region. Sent by the region directory only.</summary>
    AllotRegion = 3,

    /// <summary>Gives a region's memory back.</summary>
    ReleaseRegion = 4,

    /// <summary>Raises the fencing epoch of an owner: frames that carry an older one are refused from then on.</summary>
    Fence = 5,

    /// <summary>Bytes of one span.</summary>
    Read = 16,

    /// <summary>Stores one span.</summary>
    Write = 17,

    /// <summary>Frees the slots of spans.</summary>
    Free = 18,

    /// <summary>The difference of two spans of this node, for a compaction that the compute side carries.</summary>
    Delta = 19,

    /// <summary>Adds a contribution to the shadow of a parity span under an operation id.</summary>
    ParityUpdate = 20,

    /// <summary>Asks a data node to compute its difference and send it to the parity nodes itself.</summary>
    SendDelta = 21,

    /// <summary>Asks whether the shadow of an operation is complete, and pins it until the decision.</summary>
    Prepare = 22,

    /// <summary>Turns the shadow into the parity span.</summary>
    Commit = 23,

    /// <summary>Drops the shadow.</summary>
    Abort = 24,

    /// <summary>Asks a node to fetch fragments from its peers and to store linear combinations of them as fragments.</summary>
    Pull = 25,

    /// <summary>Reads a span and compares it with its checksum without sending it.</summary>
    Scrub = 26,

    /// <summary>Asks how a process of the same machine maps a region.</summary>
    MapRegion = 27,

    /// <summary>Bytes of several spans in one answer, each with a status of its own.</summary>
    ReadMany = 28,

    /// <summary>A message of the region directory; its payload has a format of its own.</summary>
    Directory = 48,

    /// <summary>A message of a block server; the fields mean what its question says.</summary>
    Blocks = 49,

    /// <summary>Asks a node started for chaos runs to fail on purpose; every other node refuses it.</summary>
    Disrupt = 60,
}
