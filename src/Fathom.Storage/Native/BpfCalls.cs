using System.Runtime.InteropServices;

namespace Fathom.Storage.Native;

/// <summary>bpf(2) and the parts of <c>union bpf_attr</c> (linux/bpf.h) that loading a function takes, as they are.</summary>
internal static unsafe partial class BpfCalls
{
    public const int MapCreate = 0;
    public const int MapUpdate = 2;
    public const int ProgramLoad = 5;
    public const int ObjectInfo = 15;
    public const int TypesLoad = 18;
    public const int TypesById = 19;
    public const int MapFreeze = 22;
    public const int NextTypesId = 23;
    public const int LinkCreate = 28;

    public const uint StructOpsMap = 26; // BPF_MAP_TYPE_STRUCT_OPS
    public const uint StructOpsProgram = 27; // BPF_PROG_TYPE_STRUCT_OPS
    public const uint StructOpsAttach = 44; // BPF_STRUCT_OPS

    public const uint ReadOnlyForPrograms = 1 << 7;
    public const uint ByLink = 1 << 13; // BPF_F_LINK
    public const uint TypesOfModule = 1 << 15; // BPF_F_VTYPE_BTF_OBJ_FD

    public const int ErrorExists = 17;
    public const int ErrorNoEntry = 2;
    public const int ErrorTooBig = 7;
    public const int ErrorTryAgain = 11; // EAGAIN

    /// <summary>The number of bpf(2), one of those that depend on the processor; 0 where it is not known here.</summary>
    public static nint Number { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 280,
        _ => 0,
    };

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Call(nint number, nint command, void* attributes, nint attributesBytes);
}

/// <summary>Of BPF_MAP_CREATE.</summary>
[StructLayout(LayoutKind.Explicit, Size = 80)]
internal unsafe struct MapAttributes
{
    [FieldOffset(0)]
    public uint Kind;

    [FieldOffset(4)]
    public uint KeyBytes;

    [FieldOffset(8)]
    public uint ValueBytes;

    [FieldOffset(12)]
    public uint EntriesMax;

    [FieldOffset(16)]
    public uint Flags;

    [FieldOffset(28)]
    public fixed byte Name[16];

    [FieldOffset(48)]
    public int OwnTypesFile;

    [FieldOffset(60)]
    public uint StructOpsValueType;

    [FieldOffset(72)]
    public int TypesFile;
}

/// <summary>Of BPF_MAP_UPDATE_ELEM; BPF_MAP_FREEZE takes its first field.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal unsafe struct MapElementAttributes
{
    [FieldOffset(0)]
    public int Map;

    [FieldOffset(8)]
    public void* Key;

    [FieldOffset(16)]
    public void* Value;

    [FieldOffset(24)]
    public ulong Flags;
}

/// <summary>Of BPF_PROG_LOAD.</summary>
[StructLayout(LayoutKind.Explicit, Size = 144)]
internal unsafe struct ProgramAttributes
{
    [FieldOffset(0)]
    public uint Kind;

    [FieldOffset(4)]
    public uint Instructions;

    [FieldOffset(8)]
    public void* Code;

    [FieldOffset(16)]
    public byte* License;

    [FieldOffset(24)]
    public uint LogLevel;

    [FieldOffset(28)]
    public uint LogBytes;

    [FieldOffset(32)]
    public void* Log;

    [FieldOffset(48)]
    public fixed byte Name[16];

    [FieldOffset(68)]
    public uint Member; // expected_attach_type

    [FieldOffset(108)]
    public uint StructOpsType; // attach_btf_id

    [FieldOffset(112)]
    public int TypesFile; // attach_btf_obj_fd

    [FieldOffset(120)]
    public int* Files; // fd_array
}

/// <summary>Of BPF_LINK_CREATE.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct LinkAttributes
{
    [FieldOffset(0)]
    public int Map;

    [FieldOffset(8)]
    public uint AttachKind;
}

/// <summary>Of BPF_BTF_LOAD.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal unsafe struct TypesAttributes
{
    [FieldOffset(0)]
    public void* Types;

    [FieldOffset(16)]
    public uint Bytes;
}

/// <summary>Of BPF_BTF_GET_NEXT_ID and BPF_BTF_GET_FD_BY_ID.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IdAttributes
{
    public uint Id;
    public uint NextId;
    public uint OpenFlags;
}

/// <summary>Of BPF_OBJ_GET_INFO_BY_FD.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct InfoAttributes
{
    public int File;
    public uint InfoBytes;
    public void* Info;
}

/// <summary><c>struct bpf_btf_info</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TypesOrigin
{
    public void* Types;
    public uint TypesBytes;
    public uint Id;
    public byte* Name;
    public uint NameBytes;
    public uint IsKernels;
}
