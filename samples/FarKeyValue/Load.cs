using System.Buffers.Binary;
using System.Diagnostics;

namespace FarKeyValue;

/// <summary>Clients that read and write values whose content says what it must be: a wrong byte is seen.</summary>
/// <remarks>Each client owns the keys of one remainder, so it knows the last version of each without asking another.</remarks>
internal sealed class Load(KeyValueService service, int keys, int valueBytes, int clients)
{
    private readonly long[] _versions = new long[keys];
    private long _operations;
    private long _wrong;
    private long _slowestUs;

    public long Operations => Interlocked.Read(ref _operations);

    public long Wrong => Interlocked.Read(ref _wrong);

    /// <summary>The slowest operation since the last call, µs.</summary>
    public long TakeSlowestUs() => Interlocked.Exchange(ref _slowestUs, 0);

    public void Fill()
    {
        var value = new byte[valueBytes];
        for (var key = 0; key < keys; key++)
        {
            Write(value, key, 0);
            service.Put(key, value);
        }
    }

    /// <summary>Runs until cancelled: nine reads to one write, half of them to a tenth of the keys.</summary>
    public void Run(int client, CancellationToken stopping)
    {
        var random = new Random(client);
        var value = new byte[valueBytes];
        while (!stopping.IsCancellationRequested)
        {
            var range = random.Next(2) == 0 ? keys : keys / 10;
            var key = random.Next(range / clients) * clients + client;
            var start = Stopwatch.GetTimestamp();
            if (random.Next(10) == 0)
            {
                Write(value, key, ++_versions[key]);
                service.Put(key, value);
            }
            else
            {
                Check(key, value);
            }
            var elapsedUs = (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            if (elapsedUs > Interlocked.Read(ref _slowestUs))
                Interlocked.Exchange(ref _slowestUs, elapsedUs);
            Interlocked.Increment(ref _operations);
        }
    }

    /// <summary>Reads everything once more. Nobody may be running.</summary>
    public void CheckAll()
    {
        var value = new byte[valueBytes];
        for (var key = 0; key < keys; key++)
            Check(key, value);
    }

    private void Check(int key, byte[] value)
    {
        var expected = new byte[valueBytes];
        Write(expected, key, _versions[key]);
        if (!service.TryGet(key, value, out var length) || length != valueBytes || !value.AsSpan().SequenceEqual(expected))
            Interlocked.Increment(ref _wrong);
    }

    private static void Write(Span<byte> value, long key, long version)
    {
        for (var i = 0; i + 16 <= value.Length; i += 16)
        {
            BinaryPrimitives.WriteInt64LittleEndian(value[i..], key * 1_000_003 + i);
            BinaryPrimitives.WriteInt64LittleEndian(value[(i + 8)..], version);
        }
    }
}
