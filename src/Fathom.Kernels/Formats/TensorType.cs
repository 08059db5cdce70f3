namespace Fathom.Kernels.Formats;

/// <summary>How a tensor's values are stored; the numbers are ggml's, as written in GGUF files.</summary>
public enum TensorType
{
    /// <summary>IEEE single.</summary>
    F32 = 0,

    /// <summary>IEEE half.</summary>
    F16 = 1,

    /// <summary>32 values: half scale, 4-bit values from -8 to 7.</summary>
    Q4_0 = 2,

    /// <summary>32 values: half scale and minimum, 4-bit values.</summary>
    Q4_1 = 3,

    /// <summary>32 values: half scale, 5-bit values from -16 to 15.</summary>
    Q5_0 = 6,

    /// <summary>32 values: half scale and minimum, 5-bit values.</summary>
    Q5_1 = 7,

    /// <summary>32 values: half scale, 8-bit values.</summary>
    Q8_0 = 8,

    /// <summary>256 values: 16 sub-blocks with 4-bit scale and minimum, 2-bit values.</summary>
    Q2_K = 10,

    /// <summary>256 values: 16 sub-blocks with 6-bit scale, 3-bit values.</summary>
    Q3_K = 11,

    /// <summary>256 values: 8 sub-blocks with 6-bit scale and minimum, 4-bit values.</summary>
    Q4_K = 12,

    /// <summary>256 values: 8 sub-blocks with 6-bit scale and minimum, 5-bit values.</summary>
    Q5_K = 13,

    /// <summary>256 values: 16 sub-blocks with 8-bit scale, 6-bit values.</summary>
    Q6_K = 14,

    /// <summary>32 values: half scale, 4-bit index into 16 uneven levels.</summary>
    IQ4_NL = 20,

    /// <summary>The upper half of an IEEE single.</summary>
    BF16 = 30,

    /// <summary>32 values: one shared power of two (E8M0), 4-bit floats (E2M1). OCP Microscaling.</summary>
    MXFP4 = 39,
}
