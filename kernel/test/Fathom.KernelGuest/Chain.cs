using System.Buffers.Binary;
using Fathom.Storage.Kernel;
using Fathom.Storage.Native;

namespace Fathom.KernelGuest;

/// <summary>One chain in the module's own words.</summary>
internal static unsafe class Chain
{
    /// <summary>Blocks of 512 bytes whose first 8 bytes are the offset of the next; -1 ends.</summary>
    public static byte[] Linked(params ReadOnlySpan<long> next)
    {
        var content = new byte[next.Length * 512];
        for (var i = 0; i < next.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(i * 512), next[i]);
        return content;
    }

    public static XrpRead Request(uint pin, ulong function, ulong offset = 0, uint size = 512) =>
        new() { File = pin, Function = function, Offset = offset, Size = size };

    /// <summary>Runs a chain with scratch; it must at least begin.</summary>
    public static XrpRead Run(XrpDevice device, XrpRead request, Span<byte> scratch = default)
    {
        Check.Equal(0, TryRun(device, ref request, scratch), "read");
        return request;
    }

    public static int TryRun(XrpDevice device, ref XrpRead request, Span<byte> scratch = default)
    {
        fixed (byte* pinned = scratch)
        {
            request.Scratch = (ulong)pinned;
            request.ScratchSize = (uint)scratch.Length;
            return device.Run(ref request);
        }
    }

    public static void Ends(XrpStatus status, int code, in XrpRead ran)
    {
        Check.Equal(status, ran.Status, $"status (code {ran.Code}, {ran.Hops} hops, blame {ran.BlameOffset}+{ran.BlameSize})");
        Check.Equal(code, ran.Code, "code");
    }
}
