namespace Fathom.Models.Tests.Execution.Reference;

/// <summary>What a small model for tests is like, in Hugging Face's terms and conventions.</summary>
internal sealed record ReferenceShape
{
    public required string Architecture { get; init; }

    public int Vocabulary { get; init; } = 96;

    public int Context { get; init; } = 256;

    public int Layers { get; init; } = 3;

    public int Hidden { get; init; } = 64;

    public int Heads { get; init; } = 4;

    public int KvHeads { get; init; } = 2;

    public int HeadSize { get; init; } = 16;

    public int Inner { get; init; } = 96;

    public double Epsilon { get; init; } = 1e-5;

    public double RopeBase { get; init; } = 10000;

    public double LocalRopeBase { get; init; } = 10000;

    /// <summary>rope_scaling of config.json: type and numbers, or empty.</summary>
    public string RopeType { get; init; } = "";

    public double RopeFactor { get; init; } = 1;

    public int OriginalContext { get; init; }

    public double LowFrequencyFactor { get; init; } = 1;

    public double HighFrequencyFactor { get; init; } = 4;

    public double[] ShortFactors { get; init; } = [];

    public double[] LongFactors { get; init; } = [];

    public int RotaryDimensions { get; init; }

    /// <summary>Window of a layer, itself included; 0 = none.</summary>
    public Func<int, int> Window { get; init; } = _ => 0;

    public int SlidingWindow { get; init; }

    public double QueryPreAttentionScalar { get; init; }

    public double AttentionSoftCap { get; init; }

    public double LogitSoftCap { get; init; }

    public bool Tied { get; init; }

    public bool AttentionBias { get; init; }

    public bool IsGpt2 => Architecture == "gpt2";

    public bool IsGemma => Architecture is "gemma2" or "gemma3";

    public bool HasQueryKeyNorms => Architecture is "qwen3" or "gemma3";

    public bool HasQkvBias => AttentionBias || Architecture is "qwen2" or "gpt2";

    public bool IsLocal(int layer) => Window(layer) > 0;

    /// <summary>One of each architecture and of each of its variations.</summary>
    public static IReadOnlyDictionary<string, ReferenceShape> All { get; } = new Dictionary<string, ReferenceShape>
    {
        ["llama"] = new() { Architecture = "llama" },
        ["llama-tied-wide-heads"] = new() { Architecture = "llama", Tied = true, HeadSize = 32, KvHeads = 4, RopeBase = 500000 },
        ["llama-biased"] = new() { Architecture = "llama", AttentionBias = true, KvHeads = 1 },
        ["llama3"] = new() { Architecture = "llama", RopeBase = 500000, RopeType = "llama3", RopeFactor = 8, OriginalContext = 32 },
        ["llama-linear"] = new() { Architecture = "llama", RopeType = "linear", RopeFactor = 4 },
        ["llama-yarn"] = new() { Architecture = "llama", RopeType = "yarn", RopeFactor = 4, OriginalContext = 64 },
        ["mistral"] = new() { Architecture = "llama", Window = _ => 9, SlidingWindow = 9 },
        ["qwen2"] = new() { Architecture = "qwen2", Epsilon = 1e-6, RopeBase = 1_000_000, Tied = true },
        ["qwen3"] = new() { Architecture = "qwen3", Epsilon = 1e-6, RopeBase = 1_000_000, HeadSize = 24 },
        ["gpt2"] = new() { Architecture = "gpt2", KvHeads = 4, Inner = 256, Tied = true },
        ["phi3"] = new() { Architecture = "phi3", Window = _ => 13, SlidingWindow = 13 },
        ["phi3-longrope"] = new()
        {
            Architecture = "phi3",
            RopeType = "longrope",
            OriginalContext = 64,
            RotaryDimensions = 12,
            ShortFactors = [1, 1.02, 1.05, 1.1, 1.3, 1.7],
            LongFactors = [1.1, 1.5, 2, 4, 8, 16],
            Tied = true,
        },
        ["gemma2"] = new()
        {
            Architecture = "gemma2",
            Layers = 4,
            Epsilon = 1e-6,
            Window = layer => layer % 2 == 0 ? 7 : 0,
            SlidingWindow = 7,
            QueryPreAttentionScalar = 24,
            AttentionSoftCap = 5,
            LogitSoftCap = 3,
            Tied = true,
        },
        ["gemma3"] = new()
        {
            Architecture = "gemma3",
            Layers = 7,
            Epsilon = 1e-6,
            KvHeads = 1,
            RopeBase = 1_000_000,
            RopeType = "linear",
            RopeFactor = 8,
            Window = layer => layer % 6 < 5 ? 11 : 0,
            SlidingWindow = 11,
            QueryPreAttentionScalar = 16,
            Tied = true,
        },
    };

    public ReferenceShape Wide() => this with { Hidden = 256, HeadSize = 64, Inner = 512 };
}
