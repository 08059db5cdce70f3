using Fathom.Storage.KeyValue.Caching;
using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Steps;

namespace Fathom.Storage.KeyValue.Trees;

/// <summary>Reads the tree: cached pages here, the rest by one chain of reads.</summary>
/// <remarks>Any thread may call any member, on a tree that it has entered.</remarks>
internal sealed class TreeReader
{
    private readonly ScratchPool _getScratch;
    private readonly ScratchPool _blockScratch = new(ChainRequest.ReadBytesMax);

    public TreeReader(StoreFile file, KeyKind kind, int pageBytes, PageCache pages, FunctionForm form = FunctionForm.CSharp)
    {
        File = file;
        Kind = kind;
        PageBytes = pageBytes;
        Pages = pages;
        Get = new GetStep(kind, pageBytes);
        Functions = StoreFunctions.Of(form, kind, pageBytes, Get);
        _getScratch = new ScratchPool(Get.ScratchBytes);
    }

    /// <summary>The file.</summary>
    public StoreFile File { get; }

    /// <summary>Kind of keys.</summary>
    public KeyKind Kind { get; }

    /// <summary>Page size.</summary>
    public int PageBytes { get; }

    /// <summary>Pages in memory.</summary>
    public PageCache Pages { get; }

    /// <summary>How the look-up is asked.</summary>
    public GetStep Get { get; }

    /// <summary>What chains run.</summary>
    public StoreFunctions Functions { get; }

    /// <summary>Looks a key up: one chain at most, whatever the depth.</summary>
    /// <param name="header">The tree.</param>
    /// <param name="key">The key.</param>
    /// <param name="destination">Takes the value as far as it fits.</param>
    /// <param name="valueBytes">Its whole length.</param>
    /// <exception cref="StoreFormatException">What was read is damaged.</exception>
    /// <exception cref="StoreReadException">The system did not read.</exception>
    public bool TryGet(StoreHeader header, ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
    {
        valueBytes = 0;
        if (!TryWalkCached(header, key, out var pointer, out var level))
            return false;
        if (level == StepScratch.RecordLevel && pointer.LengthBytes > ValueRecord.HeaderBytes + Get.ValueRoom)
            return TakeLong(pointer, key, destination, out valueBytes);
        var scratch = _getScratch.Rent();
        try
        {
            var head = new StepScratch(scratch);
            head.Prepare(pointer, level, File.AlignmentBytes, header.FileEndBytes, level == StepScratch.RecordLevel ? 0 : StepScratch.HandBackMax);
            Get.SetKey(scratch, key);
            RunChain(Functions.Get, scratch, Get.ScratchBytes, pointer);
            for (var i = 0; i < head.Pages; i++)
                Pages.Add(head.PagePointer(i).OffsetBytes, Get.PageOf(scratch, i).ToArray());
            switch (head.Status)
            {
                case StepStatus.NotFound:
                    return false;
                case StepStatus.Location:
                    return TakeLong(GetStep.RecordOf(scratch), key, destination, out valueBytes);
                default:
                    var value = Get.ValueOf(scratch);
                    valueBytes = value.Length;
                    value[..Math.Min(value.Length, destination.Length)].CopyTo(destination);
                    return true;
            }
        }
        finally
        {
            _getScratch.Return(scratch);
        }
    }

    /// <summary>Goes down as far as pages are cached. False when that shows that there is no such key; else where to read on.</summary>
    public bool TryWalkCached(StoreHeader header, ReadOnlySpan<byte> key, out ExtentPointer pointer, out uint level)
    {
        pointer = header.Root;
        level = (uint)Math.Max(0, header.Levels - 1);
        if (header.Levels == 0)
            return false;
        while (Pages.TryGet(pointer.OffsetBytes, out var bytes))
        {
            var page = new PageView(bytes);
            if (level == 0)
            {
                var index = page.LowerBound(key, out var found);
                pointer = found ? page.Pointer(index) : default;
                level = StepScratch.RecordLevel;
                return found;
            }
            pointer = page.Pointer(page.ChildOf(key));
            level--;
        }
        return true;
    }

    /// <summary>A page of the tree, from memory or read and checked.</summary>
    public byte[] Page(StoreHeader header, ExtentPointer pointer, int level)
    {
        if (Pages.TryGet(pointer.OffsetBytes, out var cached))
            return cached;
        var page = ReadPage(header, pointer, level);
        Pages.Add(pointer.OffsetBytes, page);
        return page;
    }

    /// <summary>A page read and checked, past the cache.</summary>
    public byte[] ReadPage(StoreHeader header, ExtentPointer pointer, int level)
    {
        if (!pointer.IsPage(header.FileEndBytes, PageBytes))
            throw Damaged(StoreFormatFault.Pointer, pointer.OffsetBytes);
        var page = new byte[PageBytes];
        File.Read(pointer.OffsetBytes, page);
        return new PageView(page).Fault(pointer, level, Kind, header.FileEndBytes) is { } fault ? throw Damaged(fault, pointer.OffsetBytes) : page;
    }

    /// <summary>Reads and checks pages of one level, many at once, into the cache.</summary>
    public void ReadPages(StoreHeader header, List<ExtentPointer> pointers, int level)
    {
        var blocks = new (long, int)[pointers.Count];
        for (var i = 0; i < blocks.Length; i++)
        {
            if (!pointers[i].IsPage(header.FileEndBytes, PageBytes))
                throw Damaged(StoreFormatFault.Pointer, pointers[i].OffsetBytes);
            blocks[i] = PageSteps.BlocksOf(pointers[i], File.AlignmentBytes);
        }
        ReadBlocks(blocks, (index, bytes) =>
        {
            var page = bytes.Slice((int)(pointers[index].OffsetBytes - blocks[index].Item1), PageBytes);
            if (new PageView(page).Fault(pointers[index], level, Kind, header.FileEndBytes) is { } fault)
                throw Damaged(fault, pointers[index].OffsetBytes);
            Pages.Add(pointers[index].OffsetBytes, page.ToArray());
        });
    }

    /// <summary>Reads blocks, many at once; each at most 64 KiB.</summary>
    /// <param name="blocks">Aligned ranges.</param>
    /// <param name="each">Gets the number of a range and its bytes, which are gone afterwards.</param>
    public void ReadBlocks(ReadOnlySpan<(long OffsetBytes, int SizeBytes)> blocks, BlocksRead each)
    {
        const int BatchMax = 64;
        for (var start = 0; start < blocks.Length; start += BatchMax)
        {
            var count = Math.Min(BatchMax, blocks.Length - start);
            var requests = new ChainRequest[count];
            var results = new ChainResult[count];
            var scratches = new byte[count][];
            for (var i = 0; i < count; i++)
            {
                scratches[i] = _blockScratch.Rent();
                var (offset, size) = blocks[start + i];
                requests[i] = new ChainRequest(File.Chains, CopyStep.Function, offset, size, scratches[i]);
            }
            File.Chains.Engine.RunBatch(requests, results);
            for (var i = 0; i < count; i++)
            {
                ThrowUnlessDone(results[i], scratches[i], hasHead: false);
                each(start + i, scratches[i].AsSpan(0, blocks[start + i].SizeBytes));
                _blockScratch.Return(scratches[i]);
            }
        }
    }

    /// <summary>A value by its record, whatever its length.</summary>
    public byte[] Value(ExtentPointer record, ReadOnlySpan<byte> key)
    {
        var bytes = new byte[record.LengthBytes];
        File.Read(record.OffsetBytes, bytes);
        return ValueRecord.TryRead(bytes, key, out var value) ? value.ToArray() : throw Damaged(StoreFormatFault.Record, record.OffsetBytes);
    }

    /// <summary>Runs a chain from an extent on; throws unless it ends well.</summary>
    public void RunChain(StorageFunction function, byte[] scratch, int scratchBytes, ExtentPointer first, int readsMax = 0) =>
        ThrowUnlessDone(Start(function, scratch, scratchBytes, first, readsMax), scratch, hasHead: true);

    /// <summary>Runs a chain from an extent on; false when the function refuses for one named reason.</summary>
    public bool TryRunChain(StorageFunction function, byte[] scratch, int scratchBytes, ExtentPointer first, StepFault refusal)
    {
        var result = Start(function, scratch, scratchBytes, first, 0);
        if (result.Status == ChainStatus.FunctionError && result.Code == (int)refusal)
            return false;
        ThrowUnlessDone(result, scratch, hasHead: true);
        return true;
    }

    /// <summary>The error for something damaged.</summary>
    public StoreFormatException Damaged(StoreFormatFault fault, long offsetBytes) => new(File.Path, fault, Describe(fault), offsetBytes);

    private ChainResult Start(StorageFunction function, byte[] scratch, int scratchBytes, ExtentPointer first, int readsMax)
    {
        var (offset, size) = PageSteps.BlocksOf(first, File.AlignmentBytes);
        return File.Chains.Engine.Run(new ChainRequest(File.Chains, function, offset, size, scratch.AsMemory(0, scratchBytes))
        {
            Limits = new ChainLimits { ReadsMax = readsMax, BytesMax = readsMax == 0 ? 0 : (long)readsMax * ChainRequest.ReadBytesMax },
        });
    }

    private bool TakeLong(ExtentPointer record, ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
    {
        var value = Value(record, key);
        valueBytes = value.Length;
        value.AsSpan(0, Math.Min(value.Length, destination.Length)).CopyTo(destination);
        return true;
    }

    private void ThrowUnlessDone(in ChainResult result, byte[] scratch, bool hasHead)
    {
        if (result.IsDone)
            return;
        if (result.Status == ChainStatus.FunctionError && hasHead && FaultOf((StepFault)result.Code) is { } fault)
            throw Damaged(fault, new StepScratch(scratch).FaultOffsetBytes);
        throw new StoreReadException(File.Path, result);
    }

    private static StoreFormatFault? FaultOf(StepFault fault) => fault switch
    {
        StepFault.PageChecksum => StoreFormatFault.PageChecksum,
        StepFault.PageLevel => StoreFormatFault.PageLevel,
        StepFault.PageCount => StoreFormatFault.PageCount,
        StepFault.PageOrder => StoreFormatFault.PageOrder,
        StepFault.Pointer => StoreFormatFault.Pointer,
        StepFault.Record => StoreFormatFault.Record,
        _ => null,
    };

    private static string Describe(StoreFormatFault fault) => fault switch
    {
        StoreFormatFault.PageChecksum => "a page does not match its checksum",
        StoreFormatFault.PageLevel => "a page is of another level or kind than the tree has there",
        StoreFormatFault.PageCount => "a page's counts do not fit it",
        StoreFormatFault.PageOrder => "the keys of a page do not rise",
        StoreFormatFault.Pointer => "a pointer leads out of the file or to no page",
        _ => "a value record does not match its checksum",
    };
}

/// <summary>Gets blocks that were read.</summary>
internal delegate void BlocksRead(int index, ReadOnlySpan<byte> bytes);
