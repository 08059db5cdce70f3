using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.Tokenization;

public class RealVocabularyTests
{
    public static TheoryData<string> Names => ["gpt-2", "falcon", "deepseek-coder", "llama-spm"];

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Encode_EveryPublishedCase_GivesThePublishedTokens(string name)
    {
        Skip.If(SharedVocabularies.Folder is null, SharedVocabularies.WhyAbsent);
        var tokenizer = SharedVocabularies.Load(name);
        foreach (var (text, tokens) in SharedVocabularies.Cases(name))
            Assert.Equal(tokens, tokenizer.Encode(text, addSpecial: false, parseSpecial: false));
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Decode_WhatWasEncoded_GivesTheTextBack(string name)
    {
        Skip.If(SharedVocabularies.Folder is null, SharedVocabularies.WhyAbsent);
        var tokenizer = SharedVocabularies.Load(name);
        foreach (var (text, _) in SharedVocabularies.Cases(name))
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addSpecial: false, parseSpecial: false), skipSpecial: true));
        var random = new Random(20221107);
        for (var i = 0; i < 600; i++)
        {
            var text = Spellable(RandomText.Next(random, random.Next(0, 60)), tokenizer, name);
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addSpecial: false, parseSpecial: false), skipSpecial: true));
        }
    }

    /// <summary>
    /// The text without what a vocabulary cannot say: SentencePiece spells a space as ▁, so a ▁ of the text's own would come back as a
    /// space; Falcon has no token for some bytes, which its own tokenizer drops, too.
    /// </summary>
    private static string Spellable(string text, Tokenizer tokenizer, string name) => name == "llama-spm"
        ? text.Replace("▁", "", StringComparison.Ordinal)
        : string.Concat(text.EnumerateRunes().Where(r => ByteAlphabet.Spell(r.ToString()).All(c => tokenizer.TryGetToken(c.ToString(), out _))));
}
