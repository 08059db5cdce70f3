using System.Buffers.Binary;

namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>A general register, by its number in x86-64.</summary>
internal enum Register
{
    Rax = 0,
    Rcx = 1,
    Rdx = 2,
    Rbx = 3,
    Rsi = 6,
    Rdi = 7,
    R8 = 8,
    R9 = 9,
    R10 = 10,
    R11 = 11,
}

/// <summary>A 512-bit register, 0 to 31.</summary>
internal readonly record struct Zmm(int Number);

/// <summary>The bytes at a register plus an offset; with <paramref name="Broadcast"/> one 32-bit value there for every lane.</summary>
internal readonly record struct Address(Register Base, int Offset, bool Broadcast = false);

/// <summary>Writes the few x86-64 instructions that assembled kernels are made of. .NET 10 offers no 512-bit VNNI.</summary>
/// <remarks>
/// Named as in the manuals, destination first. An EVEX instruction is
/// <code>
/// 62 | R X B R' 0 m m m | W v v v v 1 p p | z L'L b V' a a a | opcode | ModRM | 32-bit offset
/// </code>
/// with the register bits R X B R' v V' stored inverted; here L'L is always 512 bits and nothing is masked. Source: Intel 64 and
/// IA-32 Architectures Software Developer's Manual, volume 2, 2.7.
/// </remarks>
internal sealed class Assembler
{
    private readonly List<byte> _code = [];

    public int Position => _code.Count;

    public byte[] ToArray() => [.. _code];

    public void LoadUnaligned(Zmm target, Address source) => Evex(new(0, 1, 0x10), target.Number, 0, source);

    public void StoreUnaligned(Address target, Zmm source) => Evex(new(0, 1, 0x11), source.Number, 0, target);

    public void Move(Zmm target, Zmm source) => Evex(new(1, 1, 0x6F), target.Number, 0, source);

    /// <summary>vpbroadcastd: a 32-bit value into every lane.</summary>
    public void BroadcastDword(Zmm target, Address source) => Evex(new(1, 2, 0x58), target.Number, 0, source);

    /// <summary>vpbroadcastd from a constant; overwrites eax.</summary>
    public void BroadcastDword(Zmm target, uint value)
    {
        _code.Add(0xB8); // mov eax, value
        Append(value);
        Evex(new(1, 2, 0x7C), target.Number, 0, new Zmm((int)Register.Rax));
    }

    /// <summary>vpdpbusd: adds unsigned times signed bytes, four by four.</summary>
    public void DotBytes(Zmm sum, Zmm unsigned, Zmm signed) => Evex(new(1, 2, 0x50), sum.Number, unsigned.Number, signed);

    /// <summary>vpdpwssd: adds products of words, two by two.</summary>
    public void DotWords(Zmm sum, Zmm left, Address right) => Evex(new(1, 2, 0x52), sum.Number, left.Number, right);

    public void Add(Zmm target, Zmm left, Zmm right) => Evex(new(1, 1, 0xFE), target.Number, left.Number, right);

    /// <summary>vpmulld: the lower halves of 32-bit products.</summary>
    public void MultiplyLow(Zmm target, Zmm left, Zmm right) => Evex(new(1, 2, 0x40), target.Number, left.Number, right);

    public void And(Zmm target, Zmm left, Zmm right) => Evex(new(1, 1, 0xDB), target.Number, left.Number, right);

    public void And(Zmm target, Zmm left, Address right) => Evex(new(1, 1, 0xDB), target.Number, left.Number, right);

    public void Xor(Zmm target, Zmm left, Address right) => Evex(new(1, 1, 0xEF), target.Number, left.Number, right);

    public void Clear(Zmm target) => Evex(new(1, 1, 0xEF), target.Number, target.Number, target);

    /// <summary>vpternlogd: target | (left &amp; right).</summary>
    public void OrAnd(Zmm target, Zmm left, Zmm right)
    {
        Evex(new(1, 3, 0x25), target.Number, left.Number, right);
        _code.Add(0xF8);
    }

    /// <summary>vpsrlw by a constant.</summary>
    public void ShiftWordsRight(Zmm target, Address source, int bits) => Shift(0x71, 2, target, source, bits);

    /// <summary>vpsrlw by a constant.</summary>
    public void ShiftWordsRight(Zmm target, Zmm source, int bits) => Shift(0x71, 2, target, source, bits);

    /// <summary>vpsllw by a constant.</summary>
    public void ShiftWordsLeft(Zmm target, Address source, int bits) => Shift(0x71, 6, target, source, bits);

    /// <summary>vpsllw by a constant.</summary>
    public void ShiftWordsLeft(Zmm target, Zmm source, int bits) => Shift(0x71, 6, target, source, bits);

    /// <summary>vpsrld by a constant.</summary>
    public void ShiftDwordsRight(Zmm target, Zmm source, int bits) => Shift(0x72, 2, target, source, bits);

    /// <summary>vpsrad by a constant.</summary>
    public void ShiftDwordsRightSigned(Zmm target, Zmm source, int bits) => Shift(0x72, 4, target, source, bits);

    /// <summary>vpslld by a constant.</summary>
    public void ShiftDwordsLeft(Zmm target, Zmm source, int bits) => Shift(0x72, 6, target, source, bits);

    /// <summary>vpmovzxbw: 32 unsigned bytes as words.</summary>
    public void WidenUnsignedBytes(Zmm target, Address source) => Evex(new(1, 2, 0x30), target.Number, 0, source);

    /// <summary>vpmovsxbw: 32 signed bytes as words.</summary>
    public void WidenSignedBytes(Zmm target, Address source) => Evex(new(1, 2, 0x20), target.Number, 0, source);

    /// <summary>vcvtph2ps: 16 halves as singles.</summary>
    public void WidenHalves(Zmm target, Address source) => Evex(new(1, 2, 0x13), target.Number, 0, source);

    /// <summary>vcvtdq2ps: integers as singles.</summary>
    public void ConvertToSingle(Zmm target, Zmm source) => Evex(new(0, 1, 0x5B), target.Number, 0, source);

    public void MultiplySingles(Zmm target, Zmm left, Address right) => Evex(new(0, 1, 0x59), target.Number, left.Number, right);

    public void MultiplySingles(Zmm target, Zmm left, Zmm right) => Evex(new(0, 1, 0x59), target.Number, left.Number, right);

    /// <summary>vfmadd231ps: sum + left·right.</summary>
    public void MultiplyAddSingles(Zmm sum, Zmm left, Address right) => Evex(new(1, 2, 0xB8), sum.Number, left.Number, right);

    /// <summary>vfmadd231ps: sum + left·right.</summary>
    public void MultiplyAddSingles(Zmm sum, Zmm left, Zmm right) => Evex(new(1, 2, 0xB8), sum.Number, left.Number, right);

    /// <summary>vfnmadd231ps: sum - left·right.</summary>
    public void MultiplySubtractSingles(Zmm sum, Zmm left, Zmm right) => Evex(new(1, 2, 0xBC), sum.Number, left.Number, right);

    /// <summary>Into the first-level cache; an address that does not exist does no harm.</summary>
    public void Prefetch(Address source)
    {
        if (source.Base >= Register.R8)
            _code.Add(0x41);
        _code.AddRange([0x0F, 0x18]);
        ModRm(1, source);
    }

    /// <summary>Into the second-level cache: what is at a plain base plus an index plus an offset.</summary>
    public void PrefetchSecond(Address source, Register index)
    {
        _code.AddRange([0x0F, 0x18, 0x94, (byte)((int)index << 3 | (int)source.Base)]);
        Append((uint)source.Offset);
    }

    /// <summary>Keeps a register that is the caller's.</summary>
    public void Push(Register register) => _code.Add((byte)(0x50 | (int)register));

    /// <summary>Gives it back.</summary>
    public void Pop(Register register) => _code.Add((byte)(0x58 | (int)register));

    public void Load(Register target, Address source)
    {
        _code.AddRange([(byte)(0x48 | (int)target >> 3 << 2 | (int)source.Base >> 3), 0x8B]);
        ModRm((int)target, source);
    }

    public void Add(Register target, int value)
    {
        _code.AddRange([(byte)(0x48 | (int)target >> 3), 0x81, (byte)(0xC0 | (int)target & 7)]);
        Append((uint)value);
    }

    /// <summary>Counts down and goes back to a position until zero.</summary>
    public void LoopWhileNotZero(Register counter, int position)
    {
        Add(counter, -1);
        _code.AddRange([0x0F, 0x85]); // jnz
        Append((uint)(position - (Position + 4)));
    }

    /// <summary>Ends the function; upper halves cleared, so that code without AVX runs at full speed after it.</summary>
    public void Return() => _code.AddRange([0xC5, 0xF8, 0x77, 0xC3]);

    private void Shift(byte opcode, int operation, Zmm target, Address source, int bits)
    {
        Evex(new(1, 1, opcode), operation, target.Number, source);
        _code.Add((byte)bits);
    }

    private void Shift(byte opcode, int operation, Zmm target, Zmm source, int bits)
    {
        Evex(new(1, 1, opcode), operation, target.Number, source);
        _code.Add((byte)bits);
    }

    private void Evex(Opcode opcode, int register, int second, Zmm source)
    {
        Prefix(opcode, register, second, source.Number >> 3 & 1, source.Number >> 4, false);
        _code.Add((byte)(0xC0 | (register & 7) << 3 | source.Number & 7));
    }

    private void Evex(Opcode opcode, int register, int second, Address source)
    {
        Prefix(opcode, register, second, (int)source.Base >> 3, 0, source.Broadcast);
        ModRm(register, source);
    }

    private void Prefix(Opcode opcode, int register, int second, int b, int x, bool broadcast)
    {
        var (r, rHigh) = (register >> 3 & 1, register >> 4);
        _code.AddRange(
        [
            0x62,
            (byte)((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (rHigh ^ 1) << 4 | opcode.Map),
            (byte)((~second & 15) << 3 | 4 | opcode.Prefix),
            (byte)(2 << 5 | (broadcast ? 1 << 4 : 0) | (second >> 4 ^ 1) << 3),
            opcode.Byte,
        ]);
    }

    /// <summary>A register and memory with a 32-bit offset. No base here is one that would need a SIB byte.</summary>
    private void ModRm(int register, Address source)
    {
        _code.Add((byte)(0x80 | (register & 7) << 3 | (int)source.Base & 7));
        Append((uint)source.Offset);
    }

    private void Append(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _code.AddRange(bytes);
    }

    /// <param name="Prefix">0 none, 1 is 66.</param>
    /// <param name="Map">1 is 0F, 2 is 0F38, 3 is 0F3A.</param>
    /// <param name="Byte">The opcode itself.</param>
    private readonly record struct Opcode(int Prefix, int Map, byte Byte);
}
