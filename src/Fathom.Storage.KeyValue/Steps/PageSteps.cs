using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>What the steps of all functions share: finding the extent in the block, checking it, asking for the next read.</summary>
internal static class PageSteps
{
    /// <summary>The blocks that cover an extent.</summary>
    public static (long OffsetBytes, int SizeBytes) BlocksOf(ExtentPointer extent, int alignmentBytes)
    {
        var start = extent.OffsetBytes & -(long)alignmentBytes;
        var end = (extent.EndBytes + alignmentBytes - 1) & -(long)alignmentBytes;
        return (start, (int)(end - start));
    }

    /// <summary>The extent in the block that was read for it; false when the block does not hold it.</summary>
    public static bool TryFind(in StorageContext context, ReadOnlySpan<byte> data, ExtentPointer extent, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        var skip = extent.OffsetBytes - (long)context.Offset;
        if (skip < 0 || skip + extent.LengthBytes > data.Length)
            return false;
        bytes = data.Slice((int)skip, extent.LengthBytes);
        return true;
    }

    /// <summary>Checks the page that scratch names; 0, or the function's error.</summary>
    public static int Check(StepScratch scratch, ReadOnlySpan<byte> page, KeyKind kind)
    {
        var pointer = scratch.Pointer;
        return new PageView(page).Fault(pointer, (int)scratch.Level, kind, scratch.FileEndBytes) is { } fault
            ? scratch.Fail(FaultOf(fault), pointer.OffsetBytes)
            : 0;
    }

    /// <summary>Asks for an extent as the step's only next read.</summary>
    public static int Next(ref StorageContext context, StepScratch scratch, ExtentPointer extent, uint level)
    {
        scratch.Pointer = extent;
        scratch.Level = level;
        var (offset, size) = BlocksOf(extent, (int)scratch.Alignment);
        context.Read(0, (ulong)offset, (uint)size);
        return 0;
    }

    /// <summary>Ends the chain well.</summary>
    public static int Finish(ref StorageContext context, StepScratch scratch, StepStatus status)
    {
        scratch.Status = status;
        context.Done = 1;
        return 0;
    }

    private static StepFault FaultOf(StoreFormatFault fault) => fault switch
    {
        StoreFormatFault.PageChecksum => StepFault.PageChecksum,
        StoreFormatFault.PageLevel => StepFault.PageLevel,
        StoreFormatFault.PageCount => StepFault.PageCount,
        StoreFormatFault.PageOrder => StepFault.PageOrder,
        _ => StepFault.Pointer,
    };
}
