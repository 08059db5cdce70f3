namespace Fathom.Models.Architectures;

/// <summary>How values of a Hugging Face checkpoint become those of a GGUF file.</summary>
internal enum TensorTransform
{
    /// <summary>As they are.</summary>
    None,

    /// <summary>One is added: Gemma's norms store w - 1.</summary>
    AddOne,

    /// <summary>[inputs, outputs] becomes [outputs, inputs]: GPT-2's layers.</summary>
    Transpose,

    /// <summary>Rows of each query head from half-split to interleaved order.</summary>
    InterleaveQueryHeads,

    /// <summary>Rows of each key head from half-split to interleaved order.</summary>
    InterleaveKeyHeads,
}
