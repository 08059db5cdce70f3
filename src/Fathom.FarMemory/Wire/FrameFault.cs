namespace Fathom.FarMemory.Wire;

/// <summary>Why bytes are no frame.</summary>
public enum FrameFault
{
    /// <summary>They are one.</summary>
    None,

    /// <summary>The peer closed the connection between frames.</summary>
    Closed,

    /// <summary>The connection ended inside a frame.</summary>
    CutShort,

    /// <summary>The first four bytes are not the protocol's mark: the peer speaks something else.</summary>
    NotOurs,

    /// <summary>The peer speaks another version of the protocol.</summary>
    Version,

    /// <summary>The header does not match its own checksum.</summary>
    HeaderChecksum,

    /// <summary>The header is whole, but a field in it is outside of what the protocol allows.</summary>
    Field,

    /// <summary>The payload does not match its checksum.</summary>
    PayloadChecksum,

    /// <summary>The time for the operation ran out.</summary>
    Deadline,

    /// <summary>The system reported a network error.</summary>
    Network,
}
