using System.Runtime.CompilerServices;
using Fathom.Bpf.Authoring;

/// <summary>
/// A journal is a chain of 512-byte blocks: a header with the offset of the next block, then 31 records. This storage function adds up
/// the amounts of one account over the whole chain: one step a block, the next read asked for from here.
/// </summary>
internal static class JournalSum
{
    public const int BlockBytes = 512;
    public const int RecordsPerBlock = 31;

    public struct Header
    {
        public ulong Next;
        public ulong Count;
    }

    public struct Record
    {
        public ulong Account;
        public long Amount;
    }

    public struct Query
    {
        public ulong Account;
        public long Sum;
        public ulong Records;
    }

    [StorageFunction]
    public static int Step(ref StepContext context)
    {
        ref readonly var header = ref context.Data<Header>(0);
        ref var query = ref context.Scratch<Query>(0);
        if (Unsafe.IsNullRef(in header) || Unsafe.IsNullRef(in query))
            return -5;
        for (var i = 0u; i < RecordsPerBlock; i++)
        {
            if (i >= header.Count)
                break;
            ref readonly var record = ref context.Data<Record>(16 + (i * 16));
            if (Unsafe.IsNullRef(in record))
                return -5;
            if (record.Account != query.Account)
                continue;
            query.Sum += record.Amount;
            query.Records++;
        }
        if (header.Next == 0)
            context.Done = 1;
        else
            context.Request(0, header.Next, BlockBytes);
        return 0;
    }
}
