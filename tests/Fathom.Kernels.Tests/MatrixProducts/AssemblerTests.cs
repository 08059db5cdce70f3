using Fathom.Kernels.MatrixProducts.Assembled;

namespace Fathom.Kernels.Tests.MatrixProducts;

public class AssemblerTests
{
    /// <summary>Bytes that GNU as 2.40 gives for the text beside them, with {disp32} where there is an address.</summary>
    [Fact]
    public void Instructions_AreThoseOfGnuAs()
    {
        Check("62f2754850d8", a => a.DotBytes(new(3), new(1), new(0))); // vpdpbusd zmm3,zmm1,zmm0
        Check("6202754050f8", a => a.DotBytes(new(31), new(17), new(24))); // vpdpbusd zmm31,zmm17,zmm24
        Check("62d27d5052a214000000", a => a.DotWords(new(4), new(16), new(Register.R10, 20, true))); // vpdpwssd zmm4,zmm16,[r10+20]{1to16}
        Check("62717c48108840000000", a => a.LoadUnaligned(new(9), new(Register.Rax, 64))); // vmovups zmm9,[rax+64]
        Check("62417c4811b380000000", a => a.StoreUnaligned(new(Register.R11, 128), new(30))); // vmovups [r11+128],zmm30
        Check("62b17d486fed", a => a.Move(new(5), new(21))); // vmovdqa32 zmm5,zmm21
        Check("62c27d4858980c000000", a => a.BroadcastDword(new(19), new Address(Register.R8, 12))); // vpbroadcastd zmm19,[r8+12]
        Check("b8efbeadde62e27d487ce0", a => a.BroadcastDword(new(20), 0xDEADBEEF)); // mov eax,0xdeadbeef; vpbroadcastd zmm20,eax
        Check("62e17540fec2", a => a.Add(new(16), new(17), new(2))); // vpaddd zmm16,zmm17,zmm2
        Check("62926d4840cd", a => a.MultiplyLow(new(1), new(2), new(29))); // vpmulld zmm1,zmm2,zmm29
        Check("62013540dbc2", a => a.And(new(24), new(25), new Zmm(26))); // vpandd zmm24,zmm25,zmm26
        Check("62610d40db8220000000", a => a.And(new(24), new(30), new Address(Register.Rdx, 32))); // vpandd zmm24,zmm30,[rdx+32]
        Check("62e15d40ef8060000000", a => a.Xor(new(16), new(20), new(Register.Rax, 96))); // vpxord zmm16,zmm20,[rax+96]
        Check("6203354025c6f8", a => a.OrAnd(new(24), new(25), new(30))); // vpternlogd zmm24,zmm25,zmm30,0xf8
        Check("62f13d4071922000000004", a => a.ShiftWordsRight(new(24), new Address(Register.Rdx, 32), 4)); // vpsrlw zmm24,[rdx+32],4
        Check("62f13d4071d304", a => a.ShiftWordsRight(new(24), new Zmm(3), 4)); // vpsrlw zmm24,zmm3,4
        Check("62f13d4071b22000000004", a => a.ShiftWordsLeft(new(24), new Address(Register.Rdx, 32), 4)); // vpsllw zmm24,[rdx+32],4
        Check("62915d4871f302", a => a.ShiftWordsLeft(new(4), new Zmm(27), 2)); // vpsllw zmm4,zmm27,2
        Check("62911d4072d510", a => a.ShiftDwordsRight(new(28), new(29), 16)); // vpsrld zmm28,zmm29,16
        Check("62911d4072e510", a => a.ShiftDwordsRightSigned(new(28), new(29), 16)); // vpsrad zmm28,zmm29,16
        Check("62911d4072f510", a => a.ShiftDwordsLeft(new(28), new(29), 16)); // vpslld zmm28,zmm29,16
        Check("62627d483080c0000000", a => a.WidenUnsignedBytes(new(24), new(Register.Rax, 192))); // vpmovzxbw zmm24,[rax+192]
        Check("62627d48208220000000", a => a.WidenSignedBytes(new(24), new(Register.Rdx, 32))); // vpmovsxbw zmm24,[rdx+32]
        Check("62e27d48139200000000", a => a.WidenHalves(new(18), new(Register.Rdx, 0))); // vcvtph2ps zmm18,[rdx]
        Check("62f17c485bff", a => a.ConvertToSingle(new(7), new(7))); // vcvtdq2ps zmm7,zmm7
        Check("62c16c50599908000000", a => a.MultiplySingles(new(19), new(18), new Address(Register.R9, 8, true))); // vmulps zmm19,zmm18,[r9+8]{1to16}
        Check("62816c4059df", a => a.MultiplySingles(new(19), new(18), new Zmm(31))); // vmulps zmm19,zmm18,zmm31
        Check("62425558b8b910000000", a => a.MultiplyAddSingles(new(31), new(5), new Address(Register.R9, 16, true))); // vfmadd231ps zmm31,zmm5,[r9+16]{1to16}
        Check("62324548b8fb", a => a.MultiplyAddSingles(new(15), new(7), new Zmm(19))); // vfmadd231ps zmm15,zmm7,zmm19
        Check("62324548bcfb", a => a.MultiplySubtractSingles(new(15), new(7), new Zmm(19))); // vfnmadd231ps zmm15,zmm7,zmm19
        Check("0f188a40100000", a => a.Prefetch(new(Register.Rdx, 4160))); // prefetcht0 [rdx+4160]
        Check("410f188940000000", a => a.Prefetch(new(Register.R9, 64))); // prefetcht0 [r9+64]
        Check("4c8b8f20000000", a => a.Load(Register.R9, new(Register.Rdi, 32))); // mov r9,[rdi+32]
        Check("4981c040000000", a => a.Add(Register.R8, 64)); // add r8,64
        Check("4881c1ffffffff0f85f3ffffff", a => a.LoopWhileNotZero(Register.Rcx, 0)); // add rcx,-1; jnz to the beginning
        Check("c5f877c3", a => a.Return()); // vzeroupper; ret
    }

    private static void Check(string expected, Action<Assembler> emit)
    {
        var assembler = new Assembler();
        emit(assembler);
        Assert.Equal(expected, Convert.ToHexStringLower(assembler.ToArray()));
    }
}
