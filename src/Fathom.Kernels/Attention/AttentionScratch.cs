namespace Fathom.Kernels.Attention;

/// <summary>Where one worker's intermediate results lie in its share of the scratch memory.</summary>
internal readonly unsafe struct AttentionScratch
{
    public AttentionScratch(byte* memory, int rows, in KvLayout layout)
    {
        // SAFETY: the caller gives Bytes(rows, layout) bytes, 64-byte aligned; every part is a multiple of 64 bytes.
        var next = (float*)memory;
        Queries = Take(ref next, rows * layout.HeadDim);
        Scores = Take(ref next, rows * AttentionPlan.ScoreStride);
        Tile = Take(ref next, KvLayout.BlockTokens * layout.ValueStride);
        Piece = Take(ref next, TileResult.Floats(rows, layout));
        Total = Take(ref next, TileResult.Floats(rows, layout));
    }

    /// <summary>Query rows [rows][headDim], lifted where halves are read lowered.</summary>
    public float* Queries { get; }

    /// <summary>Scores, then weights, [rows][score stride].</summary>
    public float* Scores { get; }

    /// <summary>Keys or values of one block as singles.</summary>
    public float* Tile { get; }

    /// <summary>The result of one piece, a <see cref="TileResult"/>.</summary>
    public float* Piece { get; }

    /// <summary>The result over the pieces so far, a <see cref="TileResult"/>.</summary>
    public float* Total { get; }

    /// <summary>Bytes one worker needs.</summary>
    public static int Bytes(int rows, in KvLayout layout)
    {
        var scratch = new AttentionScratch(null, rows, layout);
        return checked((int)((byte*)scratch.Total - (byte*)null) + RoundTo16(TileResult.Floats(rows, layout)) * sizeof(float));
    }

    private static float* Take(ref float* next, int count)
    {
        var start = next;
        next += RoundTo16(count);
        return start;
    }

    private static int RoundTo16(int floats) => (floats + 15) & ~15;
}
