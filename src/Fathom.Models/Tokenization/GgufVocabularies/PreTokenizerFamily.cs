using System.Collections.Frozen;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.GgufVocabularies;

/// <summary>How a family of byte-level models cuts text into words, by the name in <c>tokenizer.ggml.pre</c>.</summary>
/// <param name="Patterns">Each cuts the pieces that the one before left: matches and what lies between them are pieces.</param>
/// <param name="IgnoresMerges">A word that is a token is that token, whatever the merges say.</param>
/// <param name="AddsBeginOfSequence">What holds when the file does not say.</param>
/// <remarks>Patterns are those of the models' tokenizer.json; names are those that llama.cpp's converter writes.</remarks>
internal sealed record PreTokenizerFamily(IReadOnlyList<UnicodePattern> Patterns, bool IgnoresMerges = false, bool AddsBeginOfSequence = false)
{
    /// <summary>GPT-2's own words. The last branch, any white space, changes nothing in where the cuts are.</summary>
    public const string Gpt2Words = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private const string Contractions = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
    private const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Llama3Words = Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + Spaces;
    private const string Qwen2Words = Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + Spaces;
    private const string Qwen35Words = Contractions + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + Spaces;
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string Cjk = @"[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+";
    private const string LeadingSymbol = @"[^\r\n\p{L}\p{N}]?";

    private const string TekkenWords = LeadingSymbol + Upper + "*" + Lower + "+|" + LeadingSymbol + Upper + "+" + Lower
        + @"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + Spaces;

    private const string Gpt4oWords = LeadingSymbol + Upper + "*" + Lower + "+(?:" + Contractions + ")?|" + LeadingSymbol + Upper + "+" + Lower
        + "*(?:" + Contractions + @")?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + Spaces;

    private const string DeepSeekV3Words =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + Spaces;

    /// <summary>DeepSeek LLM's list of cased letters, which is that of an older Unicode.</summary>
    private const string DeepSeekLetters =
        @"\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D"
        + @"\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD"
        + @"\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59"
        + @"\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4"
        + @"\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149"
        + @"\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E"
        + @"\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}"
        + @"\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+";

    private const string DeepSeekCjk = @"[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";

    private static readonly FrozenDictionary<string, Func<PreTokenizerFamily>> Families = new Dictionary<string, Func<PreTokenizerFamily>>
    {
        ["default"] = () => Of(@"[\p{P}$+<=>^~|]+", Gpt2Words, @"\p{N}+", "[0-9][0-9][0-9]"),
        ["gpt-2"] = () => Of(Gpt2Words),
        ["llama-bpe"] = () => Of(Llama3Words) with { IgnoresMerges = true, AddsBeginOfSequence = true },
        ["dbrx"] = () => Of(Llama3Words),
        ["qwen2"] = () => Of(Qwen2Words),
        ["qwen35"] = () => Of(Qwen35Words),
        ["deepseek-llm"] = () => Of(
            @"[\r\n]", DeepSeekLetters, @"\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+", @"\s+$", DeepSeekCjk, @"\p{N}+"),
        ["deepseek-coder"] = () => Of(@"[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", DeepSeekCjk, @"\p{N}"),
        ["deepseek-v3"] = () => Of(@"\p{N}{1,3}", Cjk, DeepSeekV3Words),
        ["falcon"] = () => Of(@"[\p{P}$+<=>^~|`]+", Gpt2Words, "[0-9][0-9][0-9]"),
        ["starcoder"] = () => Of(@"\p{N}", Gpt2Words),
        ["tekken"] = () => Of(TekkenWords) with { IgnoresMerges = true, AddsBeginOfSequence = true },
        ["gpt-4o"] = () => Of(Gpt4oWords),
        ["tiny_aya"] = () => Of(@"\d{1,3}(?=(?:\d{3})*\b)", Gpt4oWords),
        ["bloom"] = () => Of(@" ?[^(\s|.,!?…。，、।۔،)]+"),
        ["viking"] = () => Of(@" ?[^(\s|.,!?…。，、।۔،)]+", @"\p{N}"),
        ["chameleon"] = () => Of(
            "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", @"([\t\n]|    |  )", @"\p{N}", @"[\p{P}!-/:-@\[-`{-~]", Gpt2Words)
            with { AddsBeginOfSequence = true },
        ["superbpe"] = () => Of(@"\p{N}+", @"(?=(\d{3})+(?!\d))"),
        ["bailingmoe"] = () => Of(
            @"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"),
        ["seed-coder"] = () => Of(Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|" + Spaces),
        ["exaone-moe"] = () => Of(Contractions
            + @"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"),
        ["jais-2"] = () => Of(Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
            + @"|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> Aliases = new Dictionary<string, string[]>
    {
        ["gpt-2"] =
        [
            "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum", "modern-bert", "jina-v1-en", "jina-v2-code",
            "roberta-bpe", "exaone4", "mpt", "olmo", "jais", "trillion", "granite-docling",
        ],
        ["llama-bpe"] = ["llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"],
        ["dbrx"] = ["smaug-bpe", "chatglm-bpe", "glm4"],
        ["qwen2"] = ["deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2"],
        ["deepseek-v3"] = ["hunyuan-dense", "joyai-llm", "hy_v4"],
        ["starcoder"] = ["refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"],
        ["gpt-4o"] = ["llama4", "kanana2", "talkie", "minimax-m2"],
        ["tiny_aya"] = ["cohere2moe"],
        ["bloom"] = ["poro-chat", "gpt3-finnish"],
        ["bailingmoe"] = ["bailingmoe2", "llada-moe"],
    }.SelectMany(family => family.Value.Select(alias => KeyValuePair.Create(alias, family.Key))).ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The family of a name, or null when it is not known here.</summary>
    public static PreTokenizerFamily? Find(string name) =>
        Families.TryGetValue(Aliases.GetValueOrDefault(name, name), out var make) ? make() : null;

    private static PreTokenizerFamily Of(params ReadOnlySpan<string> patterns)
    {
        var parsed = new UnicodePattern[patterns.Length];
        for (var i = 0; i < parsed.Length; i++)
            parsed[i] = UnicodePattern.Parse(patterns[i]);
        return new PreTokenizerFamily(parsed);
    }
}
