namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>Assembles a format's tile over the blocks of a chunk: 32 rows (two panels) times four tokens, or 16 rows times one.</summary>
/// <remarks>
/// Registers, where p is the panel and t the token:
/// <code>
/// zmm 0-7     integer sums of a block (or sub-block), one int32 a row    4p + t
/// zmm 8-15    the tile's sums, one single a row                         4p + t
/// zmm 16-31   the format's own
/// </code>
/// The loops and roundings are those of the C# tiles; what is different is vpdpbusd, which multiplies four columns at once. For one token,
/// where memory is the limit, weights pass in one stream: what is asked for ahead is what comes next, across the ends of panels too.
/// </remarks>
internal abstract class DotAssembly(int tokens, int askers)
{
    /// <summary>Tokens of the activations' layout.</summary>
    protected const int Tile = Activations.TileTokens;

    /// <summary>Tiles that share the asking for the next chunk; 0 asks for nothing.</summary>
    public int Askers { get; } = askers;

    /// <summary>Bytes of each part of a block that one of them asks for.</summary>
    public int AskedBytes => Askers == 0 ? 0 : ((BlockBytes / Parts + Streaming.LineBytes - 1) / Streaming.LineBytes + Askers - 1) / Askers * Streaming.LineBytes;

    /// <summary>The activations it reads.</summary>
    public abstract ActivationForms Form { get; }

    /// <summary>Tokens to multiply with: the tile's first.</summary>
    protected int Tokens { get; } = tokens;

    /// <summary>Parts of a block after each of which more is asked for.</summary>
    protected virtual int Parts => 1;

    private int Panels { get; } = tokens == 1 ? 1 : 2;

    protected Assembler Code { get; } = new();

    public abstract int BlockBytes { get; }

    public abstract int BlockColumns { get; }

    /// <summary>The whole function.</summary>
    public byte[] Assemble()
    {
        // System V: the argument is in rdi; these registers but rbx, and all vector registers, are the callee's.
        Constants();
        Code.Push(Register.Rbx);
        Code.Load(Register.Rbx, new Address(Register.Rdi, 72));
        Code.Load(Register.Rax, new Address(Register.Rdi, 0));
        Code.Load(Register.Rdx, new Address(Register.Rdi, 8));
        Code.Load(Register.Rcx, new Address(Register.Rdi, 16));
        Code.Load(Register.R8, new Address(Register.Rdi, 24));
        Code.Load(Register.R9, new Address(Register.Rdi, 32));
        Code.Load(Register.R10, new Address(Register.Rdi, 40));
        Code.Load(Register.Rsi, new Address(Register.Rdi, 48));
        Code.Load(Register.R11, new Address(Register.Rdi, 56));
        Code.Load(Register.Rdi, new Address(Register.Rdi, 64));
        ForEachSum((panel, token) => Code.LoadUnaligned(Sum(panel, token), SumAt(panel, token)));
        var loop = Code.Position;
        Block();
        Code.Add(Register.Rax, BlockBytes);
        Code.Add(Register.Rdx, BlockBytes);
        Code.Add(Register.R8, BlockColumns * Tile);
        Code.Add(Register.R9, sizeof(float) * Tile * (Form == ActivationForms.Narrow16 ? BlockColumns / 16 : 1));
        Code.Add(Register.R10, sizeof(int) * Tile * (Form == ActivationForms.Narrow32 ? 1 : BlockColumns / 16));
        Code.Add(Register.Rdi, sizeof(short) * Tile * (BlockColumns == 256 ? 8 : 0));
        Code.LoopWhileNotZero(Register.Rcx, loop);
        ForEachSum((panel, token) => Code.StoreUnaligned(SumAt(panel, token), Sum(panel, token)));
        Code.Pop(Register.Rbx);
        Code.Return();
        return Code.ToArray();
    }

    /// <summary>Sets the registers that stay as they are.</summary>
    protected abstract void Constants();

    /// <summary>Adds one block's products to the sums.</summary>
    protected abstract void Block();

    protected static Zmm Integers(int panel, int token) => new(Tile * panel + token);

    protected static Zmm Sum(int panel, int token) => new(8 + Tile * panel + token);

    protected static Address Weights(int panel, int offset) => new(panel == 0 ? Register.Rax : Register.Rdx, offset);

    /// <summary>Four of a token's values, for every row.</summary>
    protected static Address Values(int four, int token) => new(Register.R8, (four * Tile + token) * 4);

    /// <summary>A token's scale, for every row; in blocks of 16 columns that of the block's first or second half.</summary>
    protected static Address TokenScale(int token, int half = 0) => new(Register.R9, (half * Tile + token) * sizeof(float), Broadcast: true);

    /// <summary>Two of a token's sums of 32 values, for every row.</summary>
    protected static Address PairSum(int pair, int token) => new(Register.Rdi, (pair * Tile + token) * 4, Broadcast: true);

    protected void ForEachSum(Action<int, int> action)
    {
        for (var panel = 0; panel < Panels; panel++)
        {
            for (var token = 0; token < Tokens; token++)
                action(panel, token);
        }
    }

    protected void ForEachPanel(Action<int> action)
    {
        for (var panel = 0; panel < Panels; panel++)
            action(panel);
    }

    /// <summary>The integer sums begin with the tokens' starts for a sub-block.</summary>
    protected void BeginIntegers(int sub)
    {
        for (var token = 0; token < Tokens; token++)
        {
            Code.BroadcastDword(Integers(0, token), new Address(Register.R10, (sub * Tile + token) * sizeof(int)));
            for (var panel = 1; panel < Panels; panel++)
                Code.Move(Integers(panel, token), Integers(0, token));
        }
    }

    /// <summary>Adds four columns of the panels times the tokens to the integer sums.</summary>
    protected void Dot(int four, Func<int, Zmm> weights, Zmm scratch)
    {
        for (var token = 0; token < Tokens; token++)
        {
            Code.BroadcastDword(scratch, Values(four, token));
            for (var panel = 0; panel < Panels; panel++)
                Code.DotBytes(Integers(panel, token), weights(panel), scratch);
        }
    }

    /// <summary>sum += products · (a panel's row scales · the token's scale).</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="products">Integers of a token, which become singles.</param>
    /// <param name="rowScales">One a row.</param>
    /// <param name="scratch">Overwritten.</param>
    protected void AddScaled(int panel, Func<int, int, Zmm> products, Zmm rowScales, Zmm scratch)
    {
        for (var token = 0; token < Tokens; token++)
        {
            Code.MultiplySingles(scratch, rowScales, TokenScale(token));
            Code.ConvertToSingle(products(panel, token), products(panel, token));
            Code.MultiplyAddSingles(Sum(panel, token), products(panel, token), scratch);
        }
    }

    /// <summary>
    /// Asks ahead, a part of a block at a time: few tokens are done with weights before the processor's own prefetch has got hold of the
    /// next, and many lines at once would hold up the loads behind them. For one token what comes a fixed distance on in the same stream; for
    /// more, an asker's share of the lines at <see cref="DotArguments.Ahead"/>.
    /// </summary>
    protected void AskAhead(int part)
    {
        var begin = BlockBytes * part / Parts;
        if (Tokens == 1)
        {
            for (var offset = begin & -Streaming.LineBytes; offset < BlockBytes * (part + 1) / Parts; offset += Streaming.LineBytes)
                Code.Prefetch(Weights(0, Streaming.AheadBytes + offset));
        }
        for (var offset = 0; offset < AskedBytes; offset += Streaming.LineBytes)
            ForEachPanel(panel => Code.PrefetchSecond(Weights(panel, begin + offset), Register.Rbx));
    }

    private static Address SumAt(int panel, int token) =>
        new(panel == 0 ? Register.Rsi : Register.R11, token * WeightMatrix.PanelRows * sizeof(float));
}
