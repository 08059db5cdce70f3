namespace Fathom.Kernels.Attention;

/// <summary>How keys and values are stored.</summary>
public enum KvType
{
    /// <summary>IEEE single, 4 bytes a value: exact.</summary>
    F32,

    /// <summary>IEEE half, 2 bytes a value, rounded to nearest even and saturated at ±65,504.</summary>
    F16,

    /// <summary>Signed bytes with one half-precision scale for 32 values of a head: 34 bytes for 32 values.</summary>
    Q8_0,
}
