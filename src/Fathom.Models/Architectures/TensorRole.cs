namespace Fathom.Models.Architectures;

/// <summary>What a tensor is for in the decoder.</summary>
internal enum TensorRole
{
    TokenEmbedding,
    PositionEmbedding,
    OutputNorm,
    Output,
    AttentionNorm,
    QueryKeyValue,
    Query,
    Key,
    Value,
    QueryNorm,
    KeyNorm,
    AttentionOutput,
    PostAttentionNorm,
    FeedForwardNorm,
    GateUp,
    Gate,
    Up,
    Down,
    PostFeedForwardNorm,
}
