using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Verification;

/// <summary>The ground that the kernel's own tests of its verifier cover, in programs of our own.</summary>
public class KernelGroundTests
{
    private const string Packet = "r2 = *(u32 *)(r1 + 0)|r3 = *(u32 *)(r1 + 4)";

    public static TheoryData<string, string> Accepted => new()
    {
        // Bounds from comparisons, masks, shifts and arithmetic.
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|if r1 > 44 goto out|r0 += r1|r0 = *(u32 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|if r1 s< 0 goto out|if r1 s> 40 goto out|r0 += r1|r0 = *(u64 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|w1 %= 41|r0 += r1|r0 = *(u64 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u8 *)(r0 + 0)|r1 >>= 3|r0 += r1|r0 = *(u8 *)(r0 + 16)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|w1 /= 100000000|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|if w1 > 40 goto out|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|if w1 > 40 goto out|w1 = w1|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|r1 <<= 32|r1 s>>= 32|if r1 s< 0 goto out|if r1 s> 47 goto out|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|if r1 & 0xfffffff0 goto out|r1 &= 15|r0 += r1|r0 = *(u8 *)(r0 + 32)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|r2 = *(u64 *)(r0 + 8)|r2 &= 31|if r1 >= r2 goto out|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(s8 *)(r0 + 0)|r1 &= 31|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|r1 &= 15|r1 = -r1|r1 += 15|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|r1 &= 15|r0 += r1|r0 -= r1|r0 += 20|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        // Numbers that are copies of each other, also at a constant distance.
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|r2 = r1|if r1 > 40 goto out|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|r2 = r1|r2 += 8|if r1 > 30 goto out|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        // Spilled numbers keep their bounds; narrow fills and zeros too.
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u8 *)(r0 + 0)|r1 &= 31|*(u64 *)(r10 - 16) = r1|r2 = *(u64 *)(r10 - 16)|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = *(u8 *)(r0 + 0)|r1 &= 31|*(u32 *)(r10 - 16) = r1|r2 = *(u32 *)(r10 - 16)|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|*(u64 *)(r10 - 16) = 0|r2 = *(u8 *)(r10 - 13)|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", "*(u64 *)(r10 - 8) = r1|r2 = *(u64 *)(r10 - 8)|r0 = *(u32 *)(r2 + 0)|exit" },
        { "socket", "*(u64 *)(r10 - 8) = r10|r2 = *(u64 *)(r10 - 8)|*(u64 *)(r2 - 16) = 1|r0 = *(u64 *)(r10 - 16)|exit" },
        // Null is learned by every copy, also by a spilled one.
        { "socket", "LOOKUP|r6 = r0|*(u64 *)(r10 - 16) = r0|if r0 == 0 goto out|r7 = *(u64 *)(r10 - 16)|r1 = *(u64 *)(r6 + 0)|r1 = *(u64 *)(r7 + 0)|out: r0 = 0|exit" },
        { "socket", "LOOKUP|if r0 != 0 goto yes|r0 = 0|exit|yes: r0 = *(u64 *)(r0 + 0)|exit" },
        // Variable offsets into the stack.
        { "socket", "r2 = *(u32 *)(r1 + 0)|r2 &= 7|*(u64 *)(r10 - 16) = 0|*(u64 *)(r10 - 8) = 0|r3 = r10|r3 += -16|r3 += r2|r0 = *(u8 *)(r3 + 0)|exit" },
        // Calls.
        { "socket", "r6 = r1|call f|r1 = r6|r0 = *(u32 *)(r1 + 0)|exit|f: r0 = *(u32 *)(r1 + 4)|exit" },
        { "socket", "*(u64 *)(r10 - 8) = 5|r1 = r10|r1 += -8|call f|exit|f: r2 = *(u64 *)(r1 + 0)|*(u64 *)(r1 + 0) = 7|r0 = r2|exit" },
        { "socket", "r1 = 5|call f|r6 = r0|r1 = 6|call f|r0 += r6|exit|f: r0 = r1|r0 *= 3|exit" },
        { "socket", "*(u64 *)(r10 - 8) = 0|call f|r0 = *(u64 *)(r10 - 8)|exit|f: *(u64 *)(r10 - 8) = 9|r0 = 0|exit" },
        // Bounded loops.
        { "socket", "r0 = 0|r1 = 0|again: r0 += r1|r1 += 1|if r1 < 5000 goto again|exit" },
        { "socket", "r2 = *(u32 *)(r1 + 0)|r2 &= 63|r0 = 0|again: if r2 == 0 goto out|r2 -= 1|r0 += 1|goto again|out: exit" },
        { "socket", "r2 = *(u32 *)(r1 + 0)|r0 = 0|r3 = 0|outer: r4 = 0|inner: r4 += 1|if r4 != 10 goto inner|r3 += 1|if r3 != 10 goto outer|exit" },
        { "socket", "r2 = *(u32 *)(r1 + 0)|r0 = 0|r3 = 0|again: if r2 & 1 goto odd|r0 += 2|odd: r2 >>= 1|r3 += 1|if r3 < 32 goto again|exit" },
        // Arithmetic with defined results.
        { "socket", "r2 = *(u32 *)(r1 + 0)|r0 = 1|r0 /= r2|r3 = 7|r3 %= r2|r0 += r3|exit" },
        { "socket", "r2 = *(u32 *)(r1 + 0)|r0 = 1|r0 <<= r2|exit" },
        { "socket", "r0 = 0x80000000 ll|w2 = -1|w0 s/= w2|exit" },
        { "socket", "r2 = 0xffffffff ll|w2 += 1|if r2 == 0 goto out|r0 = *(u64 *)(r10 - 8)|exit|out: r0 = 0|exit" },
        { "socket", "w2 = -1|r2 s>>= 63|if r2 == 0 goto out|r0 = *(u64 *)(r10 - 8)|exit|out: r0 = 0|exit" },
        { "socket", "r2 = 0x1234 ll|r2 = be16 r2|if r2 == 0x3412 goto out|r0 = *(u64 *)(r10 - 8)|exit|out: r0 = 0|exit" },
        { "socket", "w1 = 0x80|r2 = (s8)r1|if r2 s< 0 goto out|r0 = *(u64 *)(r10 - 8)|exit|out: r0 = 0|exit" },
        // Context fields, also narrow.
        { "socket", "r0 = *(u8 *)(r1 + 0)|r0 = *(u16 *)(r1 + 4)|r0 = *(u32 *)(r1 + 8)|*(u32 *)(r1 + 48) = 1|exit" },
        { "tc", "*(u32 *)(r1 + 8) = 1|r0 = 0|exit" },
        // Packets.
        { "xdp", Packet + "|r0 = r2|r0 += 14|if r0 > r3 goto out|r0 = *(u16 *)(r2 + 12)|out: r0 = 2|exit" },
        { "xdp", Packet + "|r4 = r2|r4 += 8|if r3 >= r4 goto yes|r0 = 0|exit|yes: r0 = *(u64 *)(r2 + 0)|exit" },
        { "xdp", Packet + "|r4 = r2|r4 += 8|if r4 <= r3 goto yes|r0 = 0|exit|yes: *(u64 *)(r2 + 0) = 1|r0 = *(u64 *)(r4 - 8)|exit" },
        { "xdp", Packet + "|r4 = r2|r4 += 8|if r4 < r3 goto yes|r0 = 0|exit|yes: r0 = *(u8 *)(r2 + 8)|exit" },
        { "xdp", Packet + "|r4 = r2|r4 += 20|if r4 > r3 goto out|r5 = *(u8 *)(r2 + 0)|r5 &= 15|r5 <<= 2|r2 += r5|r4 = r2|r4 += 4|if r4 > r3 goto out|r0 = *(u32 *)(r2 + 0)|out: r0 = 2|exit" },
        { "xdp", "r2 = *(u32 *)(r1 + 8)|r3 = *(u32 *)(r1 + 0)|r4 = r2|r4 += 4|if r4 > r3 goto out|r0 = *(u32 *)(r2 + 0)|out: r0 = 2|exit" },
        { "packet", "r2 = *(u64 *)(r1 + 0)|r3 = *(u64 *)(r1 + 8)|r4 = r3|r4 -= r2|r0 = r4|exit" },
        // Maps, globals, helpers with memory.
        { "socket", "*(u64 *)(r10 - 8) = 1|r2 = r10|r2 += -8|r1 = map(1) ll|call 3|r0 = 0|exit" },
        { "socket", "r1 = map_value(3, 4) ll|r2 = *(u32 *)(r1 + 0)|if r2 == 200 goto out|r0 = *(u64 *)(r10 - 8)|exit|out: r0 = 0|exit" },
        { "socket", "r2 = 4|r3 = r10|r3 += -16|r4 = 16|call 26|r0 = *(u64 *)(r10 - 16)|exit" },
        // Atomic operations on stack and map values.
        { "socket", "*(u64 *)(r10 - 8) = 1|r1 = 2|lock *(u64 *)(r10 - 8) += r1|r0 = *(u64 *)(r10 - 8)|exit" },
        { "socket", "LOOKUP|if r0 == 0 goto out|r1 = 1|r1 = atomic_fetch_add((u64 *)(r0 + 8), r1)|out: r0 = 0|exit" },
        { "socket", "*(u64 *)(r10 - 8) = 1|r0 = 1|r1 = 2|r0 = cmpxchg_64(r10 - 8, r0, r1)|exit" },
        // Records are handed on on every path.
        { "socket", "r1 = map(2) ll|r2 = 16|r3 = 0|call 131|if r0 == 0 goto out|*(u64 *)(r0 + 8) = 1|r1 = r0|r2 = 0|call 132|out: r0 = 0|exit" },
    };

    public static TheoryData<string, RejectionReason, string> Refused => new()
    {
        { "socket", RejectionReason.OutOfBounds, "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|if r1 > 45 goto out|r0 += r1|r0 = *(u32 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.InvalidPointerArithmetic, "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|if r1 s> 40 goto out|r0 += r1|r0 = *(u64 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|if r1 s> 40 goto out|r0 += r1|r0 -= 1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|r2 = *(u32 *)(r0 + 4)|if r1 > r2 goto out|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.InvalidPointerArithmetic, "LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|r0 += r1|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|w1 %= 42|r0 += r1|r0 = *(u64 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|r2 = r1|r2 += 18|if r1 > 30 goto out|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        // A copy that was changed afterwards learns nothing.
        { "socket", RejectionReason.OutOfBounds, "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|r2 = r1|r2 *= 2|if r1 > 40 goto out|r0 += r2|r0 = *(u8 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.InvalidMemoryAccess, "LOOKUP|r1 = *(u64 *)(r0 + 0)|r0 = 0|exit" },
        { "socket", RejectionReason.InvalidMemoryAccess, "LOOKUP|if r0 != 0 goto out|r1 = *(u64 *)(r0 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.InvalidPointerArithmetic, "LOOKUP|r0 += 8|if r0 == 0 goto out|r1 = *(u64 *)(r0 + 0)|out: r0 = 0|exit" },
        // Null of one look-up says nothing of another.
        { "socket", RejectionReason.InvalidMemoryAccess, "LOOKUP|r6 = r0|LOOKUP|if r0 == 0 goto out|r1 = *(u64 *)(r6 + 0)|out: r0 = 0|exit" },
        { "socket", RejectionReason.InvalidContextAccess, "r0 = *(u64 *)(r1 + 0)|exit" },
        { "socket", RejectionReason.InvalidContextAccess, "r1 += 4|r0 = *(u32 *)(r1 + 0)|exit" },
        { "socket", RejectionReason.InvalidContextAccess, "r0 = *(u32 *)(r1 + 76)|exit" },
        { "socket", RejectionReason.InvalidContextAccess, "r0 = *(u16 *)(r1 + 1)|exit" },
        { "socket", RejectionReason.ReadOnlyMemory, "*(u32 *)(r1 + 0) = 1|r0 = 0|exit" },
        { "socket", RejectionReason.InvalidAtomic, "r2 = 1|lock *(u32 *)(r1 + 8) += r2|r0 = 0|exit" },
        { "xdp", RejectionReason.ReadOnlyMemory, "*(u32 *)(r1 + 0) = 1|r0 = 0|exit" },
        { "xdp", RejectionReason.OutOfBounds, Packet + "|r0 = *(u8 *)(r2 + 0)|exit" },
        { "xdp", RejectionReason.OutOfBounds, Packet + "|r0 = r2|r0 += 14|if r0 > r3 goto out|r0 = *(u32 *)(r2 + 12)|out: r0 = 2|exit" },
        { "xdp", RejectionReason.OutOfBounds, Packet + "|r0 = r2|r0 += 8|if r0 > r3 goto wrong|r0 = 0|exit|wrong: r0 = *(u64 *)(r2 + 0)|exit" },
        { "xdp", RejectionReason.OutOfBounds, Packet + "|r4 = r2|r4 += 8|if r4 >= r3 goto out|r0 = *(u16 *)(r2 + 8)|out: r0 = 0|exit" },
        { "xdp", RejectionReason.InvalidMemoryAccess, Packet + "|r0 = *(u8 *)(r3 + 0)|exit" },
        { "xdp", RejectionReason.InvalidPointerArithmetic, Packet + "|r3 += 1|r0 = 0|exit" },
        { "xdp", RejectionReason.InvalidAtomic, Packet + "|r0 = r2|r0 += 8|if r0 > r3 goto out|r4 = 1|lock *(u64 *)(r2 + 0) += r4|out: r0 = 0|exit" },
        // The packet moved: its old pointers are nothing.
        { "xdp", RejectionReason.UninitialisedRegister, "r6 = r1|" + Packet + "|r7 = r2|r2 = 0|call 44|r0 = *(u8 *)(r7 + 0)|exit" },
        // Stack.
        { "socket", RejectionReason.Misaligned, "*(u64 *)(r10 - 12) = 0|r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedStack, "r2 = *(u32 *)(r1 + 0)|r2 &= 7|*(u64 *)(r10 - 16) = 0|r3 = r10|r3 += -15|r3 += r2|r0 = *(u8 *)(r3 + 0)|exit" },
        { "socket", RejectionReason.UninitialisedStack, "r2 = *(u32 *)(r1 + 0)|r2 &= 7|r3 = r10|r3 += -8|r3 += r2|*(u8 *)(r3 + 0) = 0|r0 = *(u8 *)(r10 - 8)|exit" },
        { "socket", RejectionReason.UninitialisedStack, "r2 = *(u32 *)(r1 + 0)|r2 &= 7|*(u64 *)(r10 - 8) = r1|r3 = r10|r3 += -8|r3 += r2|*(u8 *)(r3 + 0) = 0|r0 = *(u64 *)(r10 - 8)|exit" },
        { "socket", RejectionReason.InvalidPointerArithmetic, "r2 = r10|r2 -= 8|*(u64 *)(r2 + 0) = 0|r0 = 0|exit" },
        { "socket", RejectionReason.PointerLeak, "r0 = r10|w0 += 1|exit" },
        { "socket", RejectionReason.PointerLeak, "w0 = w10|exit" },
        { "socket", RejectionReason.PointerLeak, "r0 = r10|r0 *= 2|exit" },
        { "socket", RejectionReason.PointerLeak, "r0 = r10|r0 = -r0|exit" },
        { "socket", RejectionReason.PointerLeak, "r0 = r10|r0 -= r1|exit" },
        { "socket", RejectionReason.PointerLeak, "r0 = 0|if r1 > r10 goto +1|r0 = 1|exit" },
        { "socket", RejectionReason.PointerLeak, "LOOKUP|if r0 == 0 goto out|*(u64 *)(r0 + 0) = r10|out: r0 = 0|exit" },
        // Calls.
        { "socket", RejectionReason.UninitialisedRegister, "r6 = 1|call f|r0 = r1|exit|f: r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedRegister, "call f|exit|f: r0 = r6|exit" },
        { "socket", RejectionReason.UninitialisedRegister, "call f|r0 += 1|exit|f: exit" },
        { "socket", RejectionReason.InvalidResult, "call f|r0 = *(u64 *)(r0 - 8)|exit|f: r0 = r10|exit" },
        { "socket", RejectionReason.InvalidMemoryAccess, "r1 = r10|r1 += -8|call f|r0 = 0|exit|f: *(u64 *)(r1 + 0) = r10|r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedStack, "call f|r0 = *(u64 *)(r10 - 8)|exit|f: *(u64 *)(r10 - 8) = 9|r0 = 0|exit" },
        // A second call must not inherit what was proved for the first.
        { "socket", RejectionReason.OutOfBounds, "r6 = r1|LOOKUP|if r0 == 0 goto out|r7 = r0|r1 = r7|r2 = 8|call f|r1 = r7|r2 = 48|call f|out: r0 = 0|exit|f: r1 += r2|r0 = *(u8 *)(r1 + 0)|exit" },
        // Constants.
        { "socket", RejectionReason.InvalidOperation, "r0 = 1|r0 /= 0|exit" },
        { "socket", RejectionReason.InvalidOperation, "r0 = 1|r0 %= 0|exit" },
        { "socket", RejectionReason.InvalidOperation, "r0 = 1|r0 <<= 64|exit" },
        { "socket", RejectionReason.InvalidOperation, "w0 = 1|w0 >>= 32|exit" },
        // Helpers.
        { "socket", RejectionReason.InvalidArgument, "r1 = 0|r2 = r10|call 1|r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedStack, "r2 = r10|r2 += -4|r1 = map(0) ll|call 1|r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "*(u32 *)(r10 - 4) = 0|r2 = r10|r2 += -2|r1 = map(0) ll|call 1|r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedRegister, "r1 = map(0) ll|call 1|r0 = 0|exit" },
        { "socket", RejectionReason.InvalidMap, "*(u32 *)(r10 - 4) = 0|r2 = r10|r2 += -4|r1 = map(2) ll|call 1|r0 = 0|exit" },
        { "socket", RejectionReason.InvalidMemoryAccess, "r1 = map(0) ll|r0 = *(u32 *)(r1 + 0)|exit" },
        { "socket", RejectionReason.OutOfBounds, "r2 = 4|r3 = r10|r3 += -16|r4 = 17|call 26|r0 = 0|exit" },
        { "socket", RejectionReason.InvalidArgument, "r2 = 4|r3 = r10|r3 += -16|r4 = 0|call 26|r0 = 0|exit" },
        { "socket", RejectionReason.InvalidArgument, "r4 = *(u32 *)(r1 + 0)|r2 = 4|r3 = r10|r3 += -16|call 26|r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedStack, "r4 = *(u32 *)(r1 + 0)|r4 &= 15|r4 += 1|r2 = 4|r3 = r10|r3 += -16|call 26|r0 = 0|exit" },
        { "socket", RejectionReason.PointerLeak, "r2 = r10|r3 = r10|r3 += -16|r4 = 16|call 26|r0 = 0|exit" },
        { "socket", RejectionReason.ReadOnlyMemory, "r1 = map_value(3, 0) ll|*(u32 *)(r1 + 0) = 1|r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "r1 = map_value(4, 8) ll|r0 = *(u64 *)(r1 + 1)|exit" },
        // A function that fills an unknown part of the stack changes what was spilled there.
        { "socket", RejectionReason.InvalidPointerArithmetic, "r6 = r1|*(u64 *)(r10 - 16) = 0|*(u64 *)(r10 - 8) = 0|r7 = *(u32 *)(r1 + 0)|r7 &= 8|r3 = r10|r3 += -16|r3 += r7|r2 = 0|r4 = 8|call 26|r7 = *(u64 *)(r10 - 8)|r1 = map_value(4, 0) ll|r1 += r7|r0 = *(u8 *)(r1 + 0)|exit" },
        // Records.
        { "socket", RejectionReason.UnreleasedRecord, "r1 = map(2) ll|r2 = 16|r3 = 0|call 131|if r0 == 0 goto out|*(u64 *)(r0 + 8) = 1|out: r0 = 0|exit" },
        { "socket", RejectionReason.UninitialisedRegister, "r1 = map(2) ll|r2 = 16|r3 = 0|call 131|if r0 == 0 goto out|r6 = r0|r1 = r0|r2 = 0|call 132|*(u64 *)(r6 + 0) = 1|out: r0 = 0|exit" },
        { "socket", RejectionReason.OutOfBounds, "r1 = map(2) ll|r2 = 16|r3 = 0|call 131|if r0 == 0 goto out|*(u64 *)(r0 + 16) = 1|r1 = r0|r2 = 0|call 132|out: r0 = 0|exit" },
        { "socket", RejectionReason.InvalidArgument, "r1 = map(2) ll|r2 = 16|r3 = 0|call 131|if r0 == 0 goto out|r1 = r0|r1 += 8|r2 = 0|call 132|out: r0 = 0|exit" },
        // Loops.
        { "socket", RejectionReason.InfiniteLoop, "r0 = 0|again: r0 += 1|r0 &= 15|if r0 != 16 goto again|exit" },
        { "socket", RejectionReason.InfiniteLoop, "r6 = r1|again: r0 = *(u32 *)(r6 + 0)|if r0 != 0 goto again|exit" },
    };

    [Theory]
    [MemberData(nameof(Accepted))]
    public void Verify_SafeProgram_Accepts(string section, string text) =>
        Check.Accepts(ProgramType.OfSection(section)!, text);

    [Theory]
    [MemberData(nameof(Refused))]
    public void Verify_UnsafeProgram_RefusesWithItsReason(string section, RejectionReason reason, string text) =>
        Check.Refuses(reason, ProgramType.OfSection(section)!, text);

    [Fact]
    public void Verify_PointerLeaksAllowed_AcceptsPointersAsNumbers()
    {
        var limits = VerifierLimits.Default with { AllowsPointerLeaks = true };
        Check.Accepts(ProgramType.SocketFilter, "r0 = r10|w0 += 1|exit", limits);
        Check.Accepts(ProgramType.SocketFilter, "r0 = 0|if r1 > r10 goto +1|r0 = 1|exit", limits);
    }

    [Fact]
    public void Verify_AlignmentRequired_RefusesUnalignedAccess()
    {
        const string Text = "LOOKUP|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 1)|out: r0 = 0|exit";
        Check.Accepts(ProgramType.SocketFilter, Text);
        Check.Refuses(RejectionReason.Misaligned, ProgramType.SocketFilter, Text, VerifierLimits.Default with { RequiresAlignment = true });
    }
}
