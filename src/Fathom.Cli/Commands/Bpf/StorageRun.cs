using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Verification;
using Fathom.Cli.CommandLine;
using Fathom.Memory;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>The memory of one run as `bpf run` and `bpf bench` set it up: a block of data, scratch, and the context of the program's type.</summary>
internal sealed class StorageRun : IDisposable
{
    public static readonly Setting<string?> DataFile = Settings.Text("--data", "FILE", "The block that the program sees as just read; at most 1 MiB. Zeros where this is left out.");
    public static readonly Setting<string?> ScratchFile = Settings.Text("--scratch", "FILE", "First content of the scratch memory; zeros where this is left out.");
    public static readonly Setting<int> ScratchBytes = Settings.Integer("--scratch-bytes", "Size of the scratch memory.", 4096, 0, 1 << 20);

    private const int DataBytesDefault = 512;
    private const int DataBytesMax = 1 << 20;

    private readonly ContextLayout _layout;
    private readonly NativeBuffer _context;
    private readonly NativeBuffer _data;
    private readonly NativeBuffer _scratch;

    /// <param name="program">A storage function.</param>
    /// <param name="data">The block.</param>
    /// <param name="scratch">First content of the scratch memory.</param>
    public StorageRun(VerifiedProgram program, byte[] data, byte[] scratch)
    {
        _layout = program.Type.Context;
        _context = NativeBuffer.Allocate(Math.Max(8, program.Type.Context.Bytes));
        _data = NativeBuffer.Allocate(Math.Max(1, data.Length));
        _scratch = NativeBuffer.Allocate(Math.Max(1, scratch.Length));
        data.CopyTo(_data.View.AsSpan<byte>());
        scratch.CopyTo(_scratch.View.AsSpan<byte>());
        Memory = new ProgramMemory(_context.View.Slice(0, program.Type.Context.Bytes), _data.View.Slice(0, data.Length), _scratch.View.Slice(0, scratch.Length));
        Reset();
    }

    public ProgramMemory Memory { get; }

    public static StorageRun Read(VerifiedProgram program, ParseResult options)
    {
        var data = DataFile.Read(options) is { } path ? File.ReadAllBytes(path) : new byte[DataBytesDefault];
        var scratch = new byte[ScratchBytes.Read(options)];
        if (data.Length > DataBytesMax)
            throw new CommandException($"--data: {data.Length} bytes are more than {DataBytesMax}.");
        if (ScratchFile.Read(options) is { } scratchPath)
        {
            var content = File.ReadAllBytes(scratchPath);
            if (content.Length > scratch.Length)
                throw new CommandException($"--scratch: {content.Length} bytes do not fit into --scratch-bytes {scratch.Length}.");
            content.CopyTo(scratch, 0);
        }
        if (program.Type != ProgramType.StorageFunction)
            throw new CommandException($"{program.Program.Name}: is of type {program.Type.Name}; storage functions can be run here.");
        return new StorageRun(program, data, scratch);
    }

    /// <summary>The context as at the first hop of a chain.</summary>
    public void Reset()
    {
        Memory.Context.AsSpan<byte>().Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(Field("size"), (uint)Memory.Data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(Field("scratch_size"), (uint)Memory.Scratch.Length);
    }

    /// <summary>What the program asks for next, line by line.</summary>
    public IEnumerable<string> Requests()
    {
        const int ReadsMax = 16;
        var lines = new List<string>();
        for (var i = 0; i < ReadsMax; i++)
        {
            var bytes = BinaryPrimitives.ReadUInt32LittleEndian(Field("next_size", i));
            if (bytes != 0)
                lines.Add(string.Create(CultureInfo.InvariantCulture, $"next read: {bytes} bytes at {BinaryPrimitives.ReadUInt64LittleEndian(Field("next_offset", i))}"));
        }
        if (BinaryPrimitives.ReadUInt32LittleEndian(Field("done")) != 0)
            lines.Add("done");
        return lines;
    }

    public void Dispose()
    {
        _context.Dispose();
        _data.Dispose();
        _scratch.Dispose();
    }

    private Span<byte> Field(string name, int index = 0)
    {
        var field = _layout.Fields.First(candidate => candidate.Name == name);
        return Memory.Context.AsSpan<byte>().Slice(field.OffsetBytes + (index * field.ElementBytes), field.ElementBytes);
    }
}
