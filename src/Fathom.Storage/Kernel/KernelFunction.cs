using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Kernel;

/// <summary>A function as the kernel has it: verified there, named by an id, unloaded when this is disposed or forgotten.</summary>
/// <remarks>Its maps are the kernel's own, filled once with what the object file says.</remarks>
internal sealed unsafe class KernelFunction : IDisposable
{
    private const int LogBytes = 1 << 20;
    private const int IdTries = 8;
    private static readonly string[] Statistics = ["processed ", "verification time ", "stack depth "];

    private readonly SafeFileHandle _link;

    private KernelFunction(ulong id, SafeFileHandle link)
    {
        Id = id;
        _link = link;
    }

    /// <summary>By which chains name it.</summary>
    public ulong Id { get; }

    /// <summary>Loads a program.</summary>
    /// <exception cref="FunctionLoadException">The kernel does not take it.</exception>
    public static KernelFunction Load(BpfProgram program, ModuleTypes types)
    {
        var maps = new List<SafeFileHandle>();
        try
        {
            foreach (var definition in program.Maps)
                maps.Add(CreateMap(program.Name, definition));
            using var loaded = LoadProgram(program, maps, types);
            return Attach(program.Name, loaded, types);
        }
        finally
        {
            // The program holds its maps, the operations hold the program, the link holds the operations.
            foreach (var map in maps)
                map.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _link.Dispose();

    private static SafeFileHandle CreateMap(string function, MapDefinition definition)
    {
        var attributes = new MapAttributes
        {
            Kind = (uint)definition.Kind,
            KeyBytes = (uint)definition.KeyBytes,
            ValueBytes = (uint)definition.ValueBytes,
            EntriesMax = (uint)definition.EntriesMax,
            Flags = definition.ReadOnly ? BpfCalls.ReadOnlyForPrograms : 0,
        };
        BpfSystem.SetName(attributes.Name, definition.Name);
        var map = BpfSystem.CreateMap(attributes, out var errno);
        if (errno == 0 && !definition.InitialValue.IsDefaultOrEmpty)
            errno = BpfSystem.SetFirst(map, definition.InitialValue.AsSpan());
        // Only what cannot change any more is a constant to the verifier.
        if (errno == 0 && definition.ReadOnly)
            errno = BpfSystem.Freeze(map);
        if (errno == 0)
            return map;
        map.Dispose();
        throw new FunctionLoadException(function, $"the kernel does not make map {definition.Name}: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
    }

    private static SafeFileHandle LoadProgram(BpfProgram program, List<SafeFileHandle> maps, ModuleTypes types)
    {
        var code = Fit(program, maps, types);
        var files = stackalloc int[2] { 0, (int)types.File.DangerousGetHandle() };
        fixed (byte* pinnedCode = code)
        fixed (byte* license = Encoding.UTF8.GetBytes(program.License + '\0'))
        {
            var attributes = new ProgramAttributes
            {
                Kind = BpfCalls.StructOpsProgram,
                Instructions = (uint)(code.Length / BpfInstruction.SizeBytes),
                Code = pinnedCode,
                License = license,
                Member = types.StepIndex,
                StructOpsType = types.OperationsId,
                TypesFile = (int)types.File.DangerousGetHandle(),
                Files = files,
            };
            BpfSystem.SetName(attributes.Name, program.Name);
            var log = new byte[LogBytes];
            fixed (byte* pinnedLog = log)
            {
                // The verdict and the statistics, without the way through the program: cheap, however many steps that has.
                attributes.LogLevel = 4;
                attributes.LogBytes = LogBytes;
                attributes.Log = pinnedLog;
                var loaded = BpfSystem.LoadProgram(attributes, out var errno);
                if (errno == 0)
                    return loaded;
                // Once more with the way, to say why it was not taken; but not when it went a million steps.
                if (errno != BpfCalls.ErrorTooBig)
                {
                    attributes.LogLevel = 1;
                    BpfSystem.LoadProgram(attributes, out _).Dispose();
                }
                throw Rejected(program.Name, log, errno);
            }
        }
    }

    private static FunctionLoadException Rejected(string function, ReadOnlySpan<byte> log, int errno)
    {
        var text = Encoding.UTF8.GetString(log[..log.IndexOf((byte)0)]).TrimEnd();
        var lines = text.Split('\n');
        // The last line but the statistics is the verdict.
        var verdict = lines.LastOrDefault(line => line.Length > 0 && !Statistics.Any(start => line.StartsWith(start, StringComparison.Ordinal))) ?? "";
        return new FunctionLoadException(
            function, $"the kernel does not take it: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}){(verdict.Length > 0 ? $": {verdict}" : "")}", errno, text);
    }

    /// <summary>The program in the form that the kernel takes: maps by descriptor, kfuncs by number, and the argument taken from where struct_ops puts it.</summary>
    private static byte[] Fit(BpfProgram program, List<SafeFileHandle> maps, ModuleTypes types)
    {
        const int KfuncsOfModule = 1; // index into the descriptors that go with the program
        var slots = program.Instructions;
        var code = new byte[(slots.Length + 1) * BpfInstruction.SizeBytes];
        Encode.Load(AccessSize.DoubleWord, 1, 1, 0).Write(code);
        for (var i = 0; i < slots.Length; i++)
        {
            var slot = slots[i];
            var isWide = slot.IsWideImmediate;
            if (isWide && (WideImmediateKind)slot.Source is WideImmediateKind.Map or WideImmediateKind.MapValue)
            {
                var kind = slot.Source == (int)WideImmediateKind.Map ? WideImmediateKind.MapByDescriptor : WideImmediateKind.MapValueByDescriptor;
                slot = new BpfInstruction(slot.Opcode, slot.Destination, (int)kind, 0, (int)maps[slot.Immediate].DangerousGetHandle());
            }
            else if (slot.Opcode == Opcodes.Call && slot.Source == (int)CallKind.Kfunc)
            {
                var name = program.Kfuncs[slot.Immediate];
                var id = types.FunctionId(name);
                if (id == 0)
                    throw new FunctionLoadException(program.Name, $"the module has no function {name}");
                slot = new BpfInstruction(slot.Opcode, 0, (int)CallKind.Kfunc, KfuncsOfModule, id);
            }
            slot.Write(code.AsSpan((i + 1) * BpfInstruction.SizeBytes));
            if (isWide && ++i < slots.Length)
                slots[i].Write(code.AsSpan((i + 1) * BpfInstruction.SizeBytes));
        }
        return code;
    }

    private static KernelFunction Attach(string function, SafeFileHandle program, ModuleTypes types)
    {
        var value = new byte[types.ValueBytes];
        using var ownTypes = BpfSystem.LoadAnyTypes(out var errno);
        if (errno != 0)
            throw NotAttached(function, "types", errno);
        var attributes = new MapAttributes
        {
            Kind = BpfCalls.StructOpsMap,
            KeyBytes = sizeof(uint),
            ValueBytes = (uint)value.Length,
            EntriesMax = 1,
            Flags = BpfCalls.ByLink | BpfCalls.TypesOfModule,
            OwnTypesFile = (int)ownTypes.DangerousGetHandle(),
            StructOpsValueType = types.ValueId,
            TypesFile = (int)types.File.DangerousGetHandle(),
        };
        BpfSystem.SetName(attributes.Name, function);
        BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(types.StepOffset), program.DangerousGetHandle());
        var stage = "";
        for (var i = 0; i < IdTries; i++)
        {
            var id = NewId();
            BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(types.IdOffset), id);
            stage = "operations";
            using var operations = BpfSystem.CreateMap(attributes, out errno);
            if (errno != 0)
                break;
            stage = "function";
            errno = BpfSystem.SetFirst(operations, value);
            if (errno != 0)
                break;
            stage = "link";
            var link = BpfSystem.CreateLink(operations, out errno);
            if (errno == 0)
                return new KernelFunction(id, link);
            link.Dispose();
            if (errno != BpfCalls.ErrorExists)
                break;
        }
        throw NotAttached(function, stage, errno);
    }

    private static FunctionLoadException NotAttached(string function, string stage, int errno) =>
        new(function, $"the kernel does not attach it ({stage}): {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})", errno);

    /// <summary>An id that nobody can guess: the system's random bytes, of which a Guid overwrites six bits in either half.</summary>
    private static ulong NewId()
    {
        Span<ulong> halves = stackalloc ulong[2];
        _ = Guid.NewGuid().TryWriteBytes(MemoryMarshal.AsBytes(halves));
        return halves[0] ^ BitOperations.RotateLeft(halves[1], 32);
    }
}
