using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Node;

/// <summary>What stands in front of the delta in a parity update.</summary>
/// <param name="Owner">Compute process on whose behalf a peer sends it.</param>
/// <param name="Contributor">Which of the operation's contributions this is.</param>
/// <param name="Parity">The parity that the new one starts from.</param>
/// <param name="Target">Where the new one will stand.</param>
internal readonly record struct ParityContribution(ComputeId Owner, byte Contributor, FragmentRange Parity, FragmentRange Target)
{
    public const int PrefaceBytes = sizeof(ulong) + sizeof(byte) + 2 * FragmentReader.FragmentBytes;

    public static ParityContribution Read(ref FragmentReader words) =>
        new(new ComputeId(words.UInt64()), words.Byte(), words.Fragment(), words.Fragment());

    public void Write(Span<byte> destination)
    {
        var words = new FragmentWriter(destination);
        words.UInt64(Owner.Value);
        words.Byte(Contributor);
        words.Fragment(Parity);
        words.Fragment(Target);
    }
}
