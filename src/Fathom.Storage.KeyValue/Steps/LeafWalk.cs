using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>The way from any page down to the leaf of a number, which remembers the key behind the subtrees that it went into; fixed keys.</summary>
/// <param name="separatorOffset">Where in scratch that key stands.</param>
/// <param name="hasSeparatorOffset">Where in scratch stands whether there is one.</param>
internal readonly struct LeafWalk(int separatorOffset, int hasSeparatorOffset)
{
    /// <summary>One page: null when it is the leaf, else what the function returns.</summary>
    public int? Step(ref StorageContext context, StepScratch scratch, Span<byte> bytes, ReadOnlySpan<byte> data, ulong low, out PageView leaf)
    {
        leaf = default;
        if (!PageSteps.TryFind(context, data, scratch.Pointer, out var found) || found.Length != StoreHeader.FixedPageBytes)
            return scratch.Fail(StepFault.Pointer, scratch.Pointer.OffsetBytes);
        var error = PageSteps.Check(scratch, found, KeyKind.Fixed);
        if (error != 0)
            return error;
        var page = new PageView(found);
        if (scratch.Level == 0)
        {
            leaf = page;
            return null;
        }
        var child = page.ChildOfNumber(low);
        if (child + 1 < page.Count)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[separatorOffset..], page.Number(child + 1));
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[hasSeparatorOffset..], 1);
        }
        return PageSteps.Next(ref context, scratch, page.Pointer(child), scratch.Level - 1);
    }

    /// <summary>The key behind the leaf; false when it is the tree's last.</summary>
    public bool TryNext(ReadOnlySpan<byte> bytes, out ulong key)
    {
        key = BinaryPrimitives.ReadUInt64LittleEndian(bytes[separatorOffset..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes[hasSeparatorOffset..]) != 0;
    }

    /// <summary>Begins another walk.</summary>
    public void Forget(Span<byte> bytes) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[hasSeparatorOffset..], 0);
}
