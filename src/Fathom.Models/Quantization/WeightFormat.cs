using Fathom.Kernels.Formats;
using Fathom.Models.Architectures;

namespace Fathom.Models.Quantization;

/// <summary>The kinds of GGUF file that can be written: which storage type each tensor of a model gets.</summary>
/// <remarks>Norms, biases and learned positions stay F32 in all of them. The mixes are llama.cpp's.</remarks>
public sealed class WeightFormat
{
    private readonly TensorType _type;
    private readonly TensorType _outputType;
    private readonly bool _moreBits;

    private WeightFormat(string name, int fileType, TensorType type, TensorType outputType, bool moreBits = false)
    {
        Name = name;
        FileType = fileType;
        _type = type;
        _outputType = outputType;
        _moreBits = moreBits;
    }

    /// <summary>Every format, the largest first.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        new("f32", 0, TensorType.F32, TensorType.F32),
        new("bf16", 32, TensorType.BF16, TensorType.BF16),
        new("f16", 1, TensorType.F16, TensorType.F16),
        new("q8_0", 7, TensorType.Q8_0, TensorType.Q8_0),
        new("q6_k", 18, TensorType.Q6_K, TensorType.Q6_K),
        new("q4_k_m", 15, TensorType.Q4_K, TensorType.Q6_K, moreBits: true),
        new("q4_k", 14, TensorType.Q4_K, TensorType.Q6_K),
        new("q4_0", 2, TensorType.Q4_0, TensorType.Q6_K),
    ];

    /// <summary>Name on the command line.</summary>
    public string Name { get; }

    /// <summary>The number that <c>general.file_type</c> gives it.</summary>
    internal int FileType { get; }

    /// <summary>Looks a format up by name.</summary>
    /// <returns>Null when there is none of that name.</returns>
    public static WeightFormat? Find(string name) => All.FirstOrDefault(format => format.Name == name);

    /// <summary>Storage type of one tensor.</summary>
    internal TensorType TypeOf(TensorSpec spec, ModelConfig config)
    {
        if (spec.IsVector || spec.Role == TensorRole.PositionEmbedding)
            return TensorType.F32;
        bool isOutput = spec.Role == TensorRole.Output || (config.TiedEmbeddings && spec.Role == TensorRole.TokenEmbedding);
        TensorType type = isOutput ? _outputType : _type;
        if (_moreBits)
        {
            type = spec.Role switch
            {
                TensorRole.Value or TensorRole.Down when UsesMoreBits(spec.Layer, config.Layers) => TensorType.Q6_K,
                TensorRole.QueryKeyValue => TensorType.Q5_K,
                _ => type,
            };
        }

        return BlockFormat.Get(type).Divides(spec.Columns) ? type : Fallback(type, spec.Columns);
    }

    /// <summary>The first and last eighth of the layers, and every third between.</summary>
    internal static bool UsesMoreBits(int layer, int layers) =>
        layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;

    /// <summary>Rows that are not whole blocks of 256 take the nearest type with blocks of 32, and F16 where even those do not fit.</summary>
    private static TensorType Fallback(TensorType type, int columns)
    {
        TensorType smaller = type switch
        {
            TensorType.Q4_K => TensorType.Q5_0,
            TensorType.Q5_K => TensorType.Q5_1,
            TensorType.Q6_K => TensorType.Q8_0,
            _ => TensorType.F16,
        };
        return BlockFormat.Get(smaller).Divides(columns) ? smaller : TensorType.F16;
    }
}
