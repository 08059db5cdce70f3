using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.Tokenization.GgufVocabularies;

/// <summary>Vocabularies small enough to reason about.</summary>
internal static class SmallVocabularies
{
    public const int EndOfText = 256;

    /// <summary>Every byte (its id is its value), then &lt;|endoftext|&gt;, &lt;|im_start|&gt;, a user-defined token and the words "ab", "abc".</summary>
    public static GgufMetadata ByteLevel()
    {
        var metadata = new GgufMetadata("small.gguf");
        string[] tokens = [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.Letter((byte)b).ToString()), "<|endoftext|>", "<|im_start|>", "<tool>", "ab", "abc"];
        metadata.Set("tokenizer.ggml.model", "gpt2");
        metadata.Set("tokenizer.ggml.pre", "gpt-2");
        metadata.Set("tokenizer.ggml.tokens", tokens);
        metadata.Set("tokenizer.ggml.token_type", Enumerable.Range(0, tokens.Length).Select(i => i switch { 256 or 257 => 3, 258 => 4, _ => 1 }).ToArray());
        metadata.Set("tokenizer.ggml.merges", new[] { "a b", "ab c" });
        metadata.Set("tokenizer.ggml.bos_token_id", 257u);
        metadata.Set("tokenizer.ggml.eos_token_id", 256u);
        return metadata;
    }

    /// <summary>&lt;unk&gt;, &lt;s&gt;, &lt;/s&gt;, 256 bytes, then ▁, h, i, hi, ▁hi and &lt;/ and s&gt; (which might, but must not, make &lt;/s&gt;).</summary>
    public static GgufMetadata SentencePiece()
    {
        var metadata = new GgufMetadata("small.gguf");
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), "▁", "h", "i", "hi", "▁hi", "</", "s>", "<", "/", "s", ">"];
        metadata.Set("tokenizer.ggml.model", "llama");
        metadata.Set("tokenizer.ggml.tokens", tokens);
        metadata.Set("tokenizer.ggml.token_type", Enumerable.Range(0, tokens.Length).Select(i => i switch { 0 => 2, 1 or 2 => 3, < 259 => 6, _ => 1 }).ToArray());
        metadata.Set("tokenizer.ggml.scores", Enumerable.Range(0, tokens.Length).Select(i => i < 259 ? 0f : -i).ToArray());
        return metadata;
    }
}
