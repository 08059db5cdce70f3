namespace Fathom.Models.Architectures;

/// <summary>
/// Largest hyperparameters that are believed. Far above any real model, and small enough that products of two of them are
/// exact in 64 bits and a head's total width fits 32.
/// </summary>
internal static class Limits
{
    public const int LayersMax = 1024;
    public const int HiddenMax = 1 << 20;
    public const int HeadsMax = 4096;
    public const int HeadSizeMax = 1024;
    public const int FeedForwardMax = 1 << 22;
    public const int VocabularyMax = 1 << 24;
    public const int ContextMax = 1 << 28;
}
