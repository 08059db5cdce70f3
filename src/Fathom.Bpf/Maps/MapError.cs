namespace Fathom.Bpf.Maps;

/// <summary>What map operations return to a program: 0, or a negative errno as in the kernel.</summary>
internal static class MapError
{
    public const long NotPermitted = -1;
    public const long NotFound = -2;
    public const long TooBig = -7;
    public const long TryAgain = -11;
    public const long Exists = -17;
    public const long Invalid = -22;
}
