using System.Runtime.InteropServices;
using System.Text;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Kernel;

/// <summary>bpf(2), one method a command. What it makes is a descriptor; 0 or a negated errno otherwise.</summary>
internal static unsafe class BpfSystem
{
    private const int LoadTriesMax = 8;

    /// <summary>A map; an invalid handle and the errno when the kernel makes none.</summary>
    public static SafeFileHandle CreateMap(in MapAttributes attributes, out int errno)
    {
        fixed (MapAttributes* pinned = &attributes)
            return Make(BpfCalls.MapCreate, pinned, sizeof(MapAttributes), out errno);
    }

    /// <summary>Sets the value of key 0.</summary>
    /// <returns>0, or the errno.</returns>
    public static int SetFirst(SafeFileHandle map, ReadOnlySpan<byte> value)
    {
        var key = 0u;
        fixed (byte* pinned = value)
        {
            var attributes = new MapElementAttributes { Map = Descriptor(map), Key = &key, Value = pinned };
            return Do(BpfCalls.MapUpdate, &attributes, sizeof(MapElementAttributes));
        }
    }

    /// <summary>Lets nobody change the map any more.</summary>
    /// <returns>0, or the errno.</returns>
    public static int Freeze(SafeFileHandle map)
    {
        var attributes = new MapElementAttributes { Map = Descriptor(map) };
        return Do(BpfCalls.MapFreeze, &attributes, sizeof(int));
    }

    /// <summary>A verified program; an invalid handle and the errno when the verifier turns it down.</summary>
    /// <remarks>The verifier gives up when its thread gets a signal, and the runtime sends some of its own: it is asked again then, not for ever.</remarks>
    public static SafeFileHandle LoadProgram(in ProgramAttributes attributes, out int errno)
    {
        fixed (ProgramAttributes* pinned = &attributes)
        {
            for (var tries = 1; ; tries++)
            {
                var program = Make(BpfCalls.ProgramLoad, pinned, sizeof(ProgramAttributes), out errno);
                if (errno != BpfCalls.ErrorTryAgain || tries == LoadTriesMax)
                    return program;
                program.Dispose();
            }
        }
    }

    /// <summary>Puts the operations of a map to use for as long as the link is open.</summary>
    public static SafeFileHandle CreateLink(SafeFileHandle map, out int errno)
    {
        var attributes = new LinkAttributes { Map = Descriptor(map), AttachKind = BpfCalls.StructOpsAttach };
        return Make(BpfCalls.LinkCreate, &attributes, sizeof(LinkAttributes), out errno);
    }

    /// <summary>Types of our own: the kernel wants some with a map of operations, and looks at none of them.</summary>
    public static SafeFileHandle LoadAnyTypes(out int errno)
    {
        // A header, one signed number of 4 bytes, its name.
        ReadOnlySpan<uint> types = [0x0001_EB9F, 24, 0, 16, 16, 5, 1, 0x0100_0000, 4, 0x0100_0020, 0x746E_6900, 0];
        const int Bytes = 24 + 16 + 5;
        fixed (uint* pinned = types)
        {
            var attributes = new TypesAttributes { Types = pinned, Bytes = Bytes };
            return Make(BpfCalls.TypesLoad, &attributes, sizeof(TypesAttributes), out errno);
        }
    }

    /// <summary>The types of a module of the kernel; an invalid handle and the errno when it is not there, or may not be looked for.</summary>
    public static SafeFileHandle TypesOfModule(string module, out int errno)
    {
        for (var id = 0u; ;)
        {
            var attributes = new IdAttributes { Id = id };
            errno = Do(BpfCalls.NextTypesId, &attributes, sizeof(IdAttributes));
            if (errno != 0)
                return new SafeFileHandle();
            id = attributes.NextId;
            attributes = new IdAttributes { Id = id };
            var types = Make(BpfCalls.TypesById, &attributes, sizeof(IdAttributes), out errno);
            if (!types.IsInvalid && NameOf(types) == module)
                return types;
            types.Dispose();
            if (errno != 0 && errno != BpfCalls.ErrorNoEntry) // they may go while we look
                return new SafeFileHandle();
        }
    }

    /// <summary>Copies a name into the kernel's 16 bytes, which take letters, digits, dots and underscores.</summary>
    public static void SetName(byte* name, string text)
    {
        for (var i = 0; i < int.Min(text.Length, 15); i++)
            name[i] = char.IsAsciiLetterOrDigit(text[i]) || text[i] == '.' ? (byte)text[i] : (byte)'_';
    }

    private static string NameOf(SafeFileHandle types)
    {
        var name = stackalloc byte[64];
        var info = new TypesOrigin { Name = name, NameBytes = 64 };
        var attributes = new InfoAttributes { File = Descriptor(types), InfoBytes = (uint)sizeof(TypesOrigin), Info = &info };
        if (Do(BpfCalls.ObjectInfo, &attributes, sizeof(InfoAttributes)) != 0 || info.IsKernels == 0)
            return "";
        return Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
    }

    private static int Do(int command, void* attributes, int bytes) =>
        // SAFETY: the attributes are a local or pinned, as long as said, and so is what they point to.
        BpfCalls.Call(BpfCalls.Number, command, attributes, bytes) < 0 ? Marshal.GetLastPInvokeError() : 0;

    private static SafeFileHandle Make(int command, void* attributes, int bytes, out int errno)
    {
        // SAFETY: as above.
        var descriptor = BpfCalls.Call(BpfCalls.Number, command, attributes, bytes);
        errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static int Descriptor(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
