namespace Fathom.Bpf.Instructions;

/// <summary>Instructions by their meaning, for whoever makes programs: the assembler, compilers, generators of tests.</summary>
public static class Encode
{
    /// <summary>dst = dst op immediate.</summary>
    public static BpfInstruction Alu(AluOperation operation, int destination, int immediate, bool wide = true) =>
        new(Opcodes.Alu(operation, wide, register: false), destination, 0, 0, immediate);

    /// <summary>dst = dst op src. The offset selects signed division (1) and sign-extending moves (8, 16, 32).</summary>
    public static BpfInstruction AluRegister(AluOperation operation, int destination, int source, bool wide = true, short offset = 0) =>
        new(Opcodes.Alu(operation, wide, register: true), destination, source, offset, 0);

    /// <summary>dst = immediate, sign-extended.</summary>
    public static BpfInstruction Move(int destination, int immediate) => Alu(AluOperation.Move, destination, immediate);

    /// <summary>dst = src.</summary>
    public static BpfInstruction MoveRegister(int destination, int source) => AluRegister(AluOperation.Move, destination, source);

    /// <summary>Unconditional swap of the low <paramref name="bits"/> bits; the rest becomes zero.</summary>
    public static BpfInstruction ByteSwap(int destination, int bits) => new(Opcodes.Alu(AluOperation.ByteSwap, wide: true, register: false), destination, 0, 0, bits);

    /// <summary>The low <paramref name="bits"/> bits to big endian; the rest becomes zero.</summary>
    public static BpfInstruction ToBigEndian(int destination, int bits) => new(Opcodes.Alu(AluOperation.ByteSwap, wide: false, register: true), destination, 0, 0, bits);

    /// <summary>The low <paramref name="bits"/> bits to little endian; the rest becomes zero.</summary>
    public static BpfInstruction ToLittleEndian(int destination, int bits) => new(Opcodes.Alu(AluOperation.ByteSwap, wide: false, register: false), destination, 0, 0, bits);

    /// <summary>dst = *(src + offset).</summary>
    public static BpfInstruction Load(AccessSize size, int destination, int source, short offset, bool signed = false) =>
        new(Opcodes.Access(InstructionClass.LoadRegister, signed ? AccessMode.MemorySigned : AccessMode.Memory, size), destination, source, offset, 0);

    /// <summary>*(dst + offset) = src.</summary>
    public static BpfInstruction Store(AccessSize size, int destination, short offset, int source) =>
        new(Opcodes.Access(InstructionClass.StoreRegister, AccessMode.Memory, size), destination, source, offset, 0);

    /// <summary>*(dst + offset) = immediate, sign-extended.</summary>
    public static BpfInstruction StoreImmediate(AccessSize size, int destination, short offset, int immediate) =>
        new(Opcodes.Access(InstructionClass.Store, AccessMode.Memory, size), destination, 0, offset, immediate);

    /// <summary>An atomic operation; word or double word, for load-acquire and store-release any size.</summary>
    public static BpfInstruction Atomic(AtomicOperation operation, AccessSize size, int destination, short offset, int source) =>
        new(Opcodes.Access(InstructionClass.StoreRegister, AccessMode.Atomic, size), destination, source, offset, (int)operation);

    /// <summary>The two slots of a 64-bit immediate load of a constant.</summary>
    public static (BpfInstruction Low, BpfInstruction High) LoadWide(int destination, ulong value) =>
        LoadWide(WideImmediateKind.Constant, destination, (int)(uint)value, (int)(uint)(value >> 32));

    /// <summary>The two slots of a 64-bit immediate load of any kind.</summary>
    public static (BpfInstruction Low, BpfInstruction High) LoadWide(WideImmediateKind kind, int destination, int immediate, int nextImmediate) =>
        (new(Opcodes.LoadWideImmediate, destination, (int)kind, 0, immediate), new(0, 0, 0, 0, nextImmediate));

    /// <summary>if dst op immediate goto distance.</summary>
    public static BpfInstruction Compare(JumpOperation operation, int destination, int immediate, short distance, bool wide = true) =>
        new(Opcodes.Compare(operation, wide, register: false), destination, 0, distance, immediate);

    /// <summary>if dst op src goto distance.</summary>
    public static BpfInstruction CompareRegister(JumpOperation operation, int destination, int source, short distance, bool wide = true) =>
        new(Opcodes.Compare(operation, wide, register: true), destination, source, distance, 0);

    /// <summary>goto distance.</summary>
    public static BpfInstruction Jump(short distance) => new(Opcodes.Jump, 0, 0, distance, 0);

    /// <summary>goto distance, 32 bits far.</summary>
    public static BpfInstruction JumpLong(int distance) => new(Opcodes.JumpLong, 0, 0, 0, distance);

    /// <summary>A call of a helper by number, a subprogram by distance or a kfunc by index.</summary>
    public static BpfInstruction Call(CallKind kind, int target) => new(Opcodes.Call, 0, (int)kind, 0, target);

    /// <summary>Return with R0.</summary>
    public static BpfInstruction Exit() => new(Opcodes.Exit, 0, 0, 0, 0);
}
