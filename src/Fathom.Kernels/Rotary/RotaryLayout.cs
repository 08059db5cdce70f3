namespace Fathom.Kernels.Rotary;

/// <summary>Which two values of a head form the pair that one angle turns.</summary>
public enum RotaryLayout
{
    /// <summary>Values 2i and 2i + 1: GGUF files of the llama family, whose Q and K rows are permuted for it.</summary>
    Interleaved,

    /// <summary>Values i and i + rotaryDims/2: GPT-NeoX, and every Hugging Face checkpoint of the llama family.</summary>
    HalfSplit,
}
