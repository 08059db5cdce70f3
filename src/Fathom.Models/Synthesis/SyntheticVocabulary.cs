using System.Globalization;
using Fathom.Models.Gguf;

namespace Fathom.Models.Synthesis;

/// <summary>A complete SentencePiece-style vocabulary of any size from 512: bytes, ASCII characters, then letter sequences by length.</summary>
/// <remarks>It encodes and decodes any text exactly, as every reader of GGUF expects of the kind <c>llama</c>.</remarks>
internal static class SyntheticVocabulary
{
    public const int SizeMin = 512;

    private const int Normal = 1;
    private const int Unknown = 2;
    private const int Control = 3;
    private const int Byte = 6;
    private const char Space = '▁';

    private const string Template =
        "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";

    public static void Write(int size, GgufMetadata metadata)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, SizeMin);
        var tokens = new List<string>(size) { "<unk>", "<s>", "</s>" };
        for (int value = 0; value < 256; value++)
            tokens.Add(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"));
        foreach (string piece in Pieces())
        {
            if (tokens.Count == size)
                break;
            tokens.Add(piece);
        }

        var types = new int[size];
        var scores = new float[size];
        for (int id = 0; id < size; id++)
        {
            types[id] = id == 0 ? Unknown : id < 3 ? Control : id < 259 ? Byte : Normal;
            scores[id] = id < 259 ? 0 : 259 - id;
        }

        metadata.Set("tokenizer.ggml.model", "llama");
        metadata.Set("tokenizer.ggml.pre", "default");
        metadata.Set("tokenizer.ggml.tokens", tokens.ToArray());
        metadata.Set("tokenizer.ggml.scores", scores);
        metadata.Set("tokenizer.ggml.token_type", types);
        metadata.Set("tokenizer.ggml.bos_token_id", 1u);
        metadata.Set("tokenizer.ggml.eos_token_id", 2u);
        metadata.Set("tokenizer.ggml.unknown_token_id", 0u);
        metadata.Set("tokenizer.ggml.add_bos_token", true);
        metadata.Set("tokenizer.ggml.add_eos_token", false);
        metadata.Set("tokenizer.chat_template", Template);
    }

    /// <summary>Every prefix of a piece is an earlier piece, so that merging reaches all of them.</summary>
    private static IEnumerable<string> Pieces()
    {
        yield return Space.ToString();
        for (char c = '!'; c <= '~'; c++)
            yield return c.ToString();
        List<string> shorter = [Space.ToString(), .. Letters()];
        while (true)
        {
            var longer = new List<string>(shorter.Count * 26);
            foreach (string prefix in shorter)
            {
                foreach (string letter in Letters())
                {
                    longer.Add(prefix + letter);
                    yield return prefix + letter;
                }
            }

            shorter = longer;
        }
    }

    private static IEnumerable<string> Letters()
    {
        // By frequency in English, so that small vocabularies hold common pairs.
        foreach (char c in "etaoinshrdlcumwfgypbvkjxqz")
            yield return c.ToString();
    }
}
