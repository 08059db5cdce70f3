using System.Collections.Immutable;

namespace Fathom.Bpf.Verification;

/// <summary>What a program may count on: its context and the functions it may call.</summary>
/// <param name="Name">As on the command line and in section names.</param>
/// <param name="Context">What R1 points to.</param>
/// <param name="Helpers">Helpers by number.</param>
/// <param name="Kfuncs">Kfuncs by name.</param>
public sealed record ProgramType(
    string Name, ContextLayout Context, ImmutableDictionary<int, FunctionPrototype> Helpers, ImmutableDictionary<string, FunctionPrototype> Kfuncs)
{
    /// <summary>Programs of this type can run here; false for the kernel's own types, whose contexts the kernel rewrites: they can only be verified.</summary>
    public bool IsRunnable { get; init; } = true;

    /// <summary>The type of a program by the section it stands in (<c>xdp</c>, <c>socket</c>, <c>struct_ops/fathom_step</c> …); null when no known type has that name.</summary>
    /// <param name="section">Section name in the object file; a <c>?</c> before it and what follows a slash or dot do not matter.</param>
    public static ProgramType? OfSection(string section)
    {
        var name = section.TrimStart('?');
        var end = name.AsSpan().IndexOfAny('/', '.');
        return KnownProgramTypes.BySection.GetValueOrDefault(end < 0 ? name : name[..end]);
    }

    /// <summary>Storage functions: <c>struct fathom_context</c>, and the data and scratch memory behind two kfuncs.</summary>
    public static ProgramType StorageFunction => KnownProgramTypes.StorageFunction;

    /// <summary>Packets between two addresses of 8 bytes each: <c>{ void *data, *data_end, *data_meta; }</c>.</summary>
    public static ProgramType Packet => KnownProgramTypes.Packet;

    /// <summary>The kernel's <c>struct xdp_md</c>.</summary>
    public static ProgramType Xdp => KnownProgramTypes.Xdp;

    /// <summary>The kernel's <c>struct __sk_buff</c> with packet access, as for traffic control.</summary>
    public static ProgramType TrafficControl => KnownProgramTypes.TrafficControl;

    /// <summary>The kernel's <c>struct __sk_buff</c> without packet access.</summary>
    public static ProgramType SocketFilter => KnownProgramTypes.SocketFilter;

    /// <summary>Programs over plain memory behind R1.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="isWritable">Programs may write to it.</param>
    public static ProgramType Raw(int bytes, bool isWritable = true) =>
        new("raw", bytes == 0 ? ContextLayout.None : ContextLayout.Memory(bytes, isWritable), KnownProgramTypes.CommonHelpers, []);
}
