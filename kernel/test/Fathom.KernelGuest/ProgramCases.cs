using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Fathom.Storage;
using Fathom.Storage.Kernel;

namespace Fathom.KernelGuest;

/// <summary>Programs that the kernel's verifier takes, and those it must turn down.</summary>
internal static class ProgramCases
{
    private const string Data = "r6 = r1\nw2 = 0\nw3 = 512\ncall fathom_data\nif r0 == 0 goto out\n";
    private const string Scratch = "r6 = r1\nw2 = 0\nw3 = 64\ncall fathom_scratch\nif r0 == 0 goto out\n";
    private const string Out = "\nout: r0 = 0\nexit";

    private static readonly string[] Objects = ["block_aggregate", "kv_aggregate_u64", "kv_get_u64", "kv_range_u64", "lsm_page", "radix_walk"];

    private static readonly (string Name, string Text)[] Hostile =
    [
        ("ReadAtTheEndOfABlock", Data + "r0 = *(u64 *)(r0 + 505)" + Out),
        ("ReadBehindABlock", Data + "r0 = *(u8 *)(r0 + 512)" + Out),
        ("ReadBeforeABlock", Data + "r0 = *(u8 *)(r0 - 1)" + Out),
        ("ReadWithoutALook", "w2 = 0\nw3 = 512\ncall fathom_data\nr0 = *(u8 *)(r0 + 0)\nexit"),
        ("WriteToTheBlock", Data + "*(u8 *)(r0 + 0) = 1" + Out),
        ("ReadBehindScratch", Scratch + "r0 = *(u64 *)(r0 + 60)" + Out),
        ("WriteBehindScratch", Scratch + "*(u32 *)(r0 + 64) = 1" + Out),
        ("UnboundedOffset", Data + "r1 = *(u32 *)(r0 + 0)\nr0 += r1\nr0 = *(u8 *)(r0 + 0)" + Out),
        ("NegativeOffset", Data + "r1 = *(u8 *)(r0 + 0)\nr0 -= r1\nr0 = *(u8 *)(r0 + 0)" + Out),
        ("SizeThatIsNoConstant", "r3 = *(u32 *)(r1 + 200)\nw2 = 0\ncall fathom_data\nr0 = 0\nexit"),
        ("UninitialisedRegister", "r0 = r5\nexit"),
        ("EndlessLoop", "again: goto again\nr0 = 0\nexit"),
        ("EndlessLoopThatCounts", "r1 = 0\nagain: r1 += 1\nif r1 != 0 goto again\nr0 = 0\nexit"),
        ("MoreThanSixteenReads", "r2 = 512\n*(u32 *)(r1 + 192) = r2\nr0 = 0\nexit"),
        ("WriteToAReadOnlyField", "r2 = 1\n*(u32 *)(r1 + 208) = r2\nr0 = 0\nexit"),
        ("WriteBehindTheContext", "r2 = 1\n*(u64 *)(r1 + 224) = r2\nr0 = 0\nexit"),
        ("WriteAtAnUnknownPlaceOfTheContext", "r2 = *(u32 *)(r1 + 208)\nr2 &= 127\nr1 += r2\nr3 = 1\n*(u8 *)(r1 + 0) = r3\nr0 = 0\nexit"),
        ("UnknownOpcode", ".slot 0xff\nr0 = 0\nexit"),
        ("UnknownHelper", "call 99999\nr0 = 0\nexit"),
        ("HelperOfAnotherKind", "call 27\nr0 = 0\nexit"), // bpf_get_stackid
        ("CutWideLoad", "r0 = 0\n.slot 0x18"),
        ("JumpIntoAWideLoad", "goto +1\nr1 = 1 ll\nr0 = 0\nexit"),
        ("ForgedContext", "r1 = 0\nw2 = 0\nw3 = 512\ncall fathom_data\nr0 = 0\nexit"),
        ("ScratchAsContext", Scratch + "r1 = r0\nw2 = 0\nw3 = 8\ncall fathom_data" + Out),
        ("StackBelowItsEnd", "*(u64 *)(r10 - 520) = 1\nr0 = 0\nexit"),
        ("NoExit", "r0 = 0"),
        ("Recursion", "call f\nexit\nf: call f\nr0 = 0\nexit"),
    ];

    /// <summary>What the kernel allows to who may look into it (CAP_PERFMON); Fathom's own verifier, which all programs of Fathom.Storage pass, does not.</summary>
    private static readonly (string Name, string Text)[] Trusted =
    [
        ("UninitialisedStack", "r0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit"),
        ("PointerLeakedToScratch", Scratch + "*(u64 *)(r0 + 0) = r6" + Out),
        ("PointerReturned", "r0 = r1\nexit"),
    ];

    public static (string Name, Action Body)[] All { get; } =
    [
        .. Objects.Select(name => ($"Program_{name}_IsTaken", (Action)(() => Takes(name)))),
        .. Hostile.Select(hostile => ($"Program_{hostile.Name}_IsTurnedDown", (Action)(() => Refuses(Functions.Assemble(hostile.Text, "hostile"))))),
        .. Trusted.Select(trusted => ($"Program_{trusted.Name}_IsForNobodyWithoutTheRightToLook", (Action)(() => IsTrustedOnly(trusted.Name, trusted.Text)))),
        ("Program_OfAMillionInstructions_IsTurnedDown", () => Refuses(Million())),
        ("Program_UnderNoFreeLicence_IsTurnedDown", WithoutLicence),
        ("Program_TurnedDown_SaysWhy", SaysWhy),
    ];

    private static void Takes(string name)
    {
        using var types = Functions.Types();
        using var loaded = KernelFunction.Load(Functions.ProgramOf(name), types);
        Check.That(loaded.Id != 0, name);
    }

    private static void Refuses(BpfProgram program)
    {
        using var types = Functions.Types();
        try
        {
            using var loaded = KernelFunction.Load(program, types);
        }
        catch (FunctionLoadException refused)
        {
            Check.That(refused.Errno is 22 or 13 or 7 or 1, $"errno {refused.Errno}"); // EINVAL, EACCES, E2BIG, EPERM
            return;
        }
        throw new InvalidOperationException("the kernel took it");
    }

    /// <summary>Fathom's verifier turns it down; and who lacks CAP_PERFMON loads no storage function at all.</summary>
    private static void IsTrustedOnly(string name, string text)
    {
        var verdict = Verifier.Verify(Functions.Assemble(text, name), ProgramType.StorageFunction);
        Check.That(verdict is Rejection, "Fathom's verifier took it");
        Guest.MustRun(Environment.ProcessPath!, "loader-without-rights", text);
    }

    /// <summary>Twenty branches that nothing decides, each of which changes what is known: more paths than the verifier walks.</summary>
    private static BpfProgram Million()
    {
        var text = Scratch + "r7 = 0\n";
        for (var i = 0; i < 28; i++)
            text += $"r1 = *(u8 *)(r0 + {i})\nif r1 == 0 goto skip{i}\nr7 += {1 << (i % 28)}\nskip{i}: *(u8 *)(r0 + {i}) = r7\n";
        return Functions.Assemble(text + "r1 = r7\nr1 &= 4095\nr2 = r1\nagain: r1 += 1\nif r1 < 1000000 goto again\nr0 = 0\nexit\nout: r0 = 0\nexit", "million");
    }

    private static void WithoutLicence()
    {
        var program = Functions.Assemble(Functions.FollowText, "follow");
        Refuses(new BpfProgram("unfree", program.Instructions, program.Maps, program.Kfuncs) { License = "Proprietary" });
    }

    private static void SaysWhy()
    {
        using var types = Functions.Types();
        try
        {
            KernelFunction.Load(Functions.Assemble(Hostile[0].Text, "hostile"), types).Dispose();
        }
        catch (FunctionLoadException refused)
        {
            Check.That(refused.Message.Contains("outside of the allowed memory range", StringComparison.Ordinal), refused.Message);
        }
    }
}
