namespace Fathom.Bpf.Instructions;

/// <summary>The source register's field of a call.</summary>
/// <remarks>Source: RFC 9669, section 4.3.1.</remarks>
public enum CallKind : byte
{
    /// <summary>A helper; the immediate is its static number.</summary>
    Helper = 0,

    /// <summary>A subprogram; the immediate is the distance from the next instruction.</summary>
    Local = 1,

    /// <summary>A kfunc; the immediate indexes <see cref="BpfProgram.Kfuncs"/>.</summary>
    Kfunc = 2,
}
