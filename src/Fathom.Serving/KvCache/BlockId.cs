namespace Fathom.Serving.KvCache;

/// <summary>Index of one KV block (the keys and values of 16 consecutive tokens in every layer).</summary>
/// <param name="Value">From 0 to the executor's block count, exclusive.</param>
public readonly record struct BlockId(int Value);
