namespace Fathom.Storage.KeyValue.Tests;

/// <summary>Keys as the store orders them.</summary>
internal sealed class KeyOrderComparer : IComparer<byte[]>
{
    public static readonly KeyOrderComparer Instance = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
}
