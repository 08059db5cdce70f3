using System.Buffers.Binary;
using System.Text;
using Fathom.Models.Tokenization.Normalization;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tests.Tokenization.Normalization;

public class PrecompiledNormalizerTests
{
    [Fact]
    public void Apply_OfAMapBuiltByHand_ReplacesGraphemesThenCharacters()
    {
        // A → a, ﬁ → fi, e + U+0301 → é (as one grapheme), tab → nothing.
        var map = CharacterMap.Build(new() { ["A"] = "a", ["\uFB01"] = "fi", ["e\u0301"] = "\u00E9", ["\t"] = "" });
        var normalizer = PrecompiledNormalizer.Read(map)!;
        Assert.Equal("axfi\u00E9eB", normalizer.Apply("Ax\uFB01e\u0301e\tB", new PatternStack()));
        // Inside a longer grapheme each character is looked up by itself.
        Assert.Equal("a\u0302\u0303\u0304", normalizer.Apply("A\u0302\u0303\u0304", new PatternStack()));
    }

    [Fact]
    public void Apply_WhereOneKeyBeginsAnother_TakesTheShorterLikeTheReference()
    {
        var normalizer = PrecompiledNormalizer.Read(CharacterMap.Build(new() { ["e"] = "E", ["e\u0301"] = "\u00E9" }))!;
        Assert.Equal("E", normalizer.Apply("e\u0301", new PatternStack()));
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 4, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1 })]
    [InlineData(new byte[] { 3, 0, 0, 0, 1, 2, 3 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 1, 2, 3, 4 })]
    public void Read_OfSizesThatDoNotFit_GivesNothing(byte[] map) => Assert.Null(PrecompiledNormalizer.Read(map));

    [Fact]
    public void Apply_OfDamagedTries_NeverFails()
    {
        var map = CharacterMap.Build(new() { ["A"] = "a", ["e\u0301"] = "\u00E9" });
        var random = new Random(3);
        for (var round = 0; round < 3_000; round++)
        {
            var damaged = map.ToArray();
            for (var i = 0; i < 3; i++)
                damaged[4 + random.Next(damaged.Length - 4)] = (byte)random.Next(256);
            PrecompiledNormalizer.Read(damaged)?.Apply("Aé e\u0301 AbA\uFB01", new PatternStack());
        }
    }
}

/// <summary>Builds a compiled character map the slow way: one block of 256 units for each trie node.</summary>
internal static class CharacterMap
{
    public static byte[] Build(Dictionary<string, string> entries)
    {
        var units = new uint[256 * 64];
        var replacements = new List<byte>();
        var used = 1;
        var nodes = new Dictionary<string, int> { [""] = 0 };
        // Node k keeps its children at block k: offset(node) ^ position(node) = 256 * block.
        units[0] = Offset(0, 0, 256);
        var blocks = new Dictionary<string, int> { [""] = 1 };
        var nextBlock = 2;
        foreach (var (key, value) in entries.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            var bytes = Encoding.UTF8.GetBytes(key);
            var prefix = "";
            foreach (var b in bytes)
            {
                var position = (256 * blocks[prefix]) + b;
                prefix += (char)b;
                if (blocks.TryAdd(prefix, nextBlock))
                    units[position] = b | Offset(0, position, 256 * nextBlock++);
                nodes[prefix] = position;
            }

            units[nodes[prefix]] |= 1 << 8;
            units[256 * blocks[prefix]] = 0x8000_0000 | (uint)replacements.Count;
            replacements.AddRange(Encoding.UTF8.GetBytes(value));
            replacements.Add(0);
            used = nextBlock;
        }

        var map = new byte[4 + (used * 1024) + replacements.Count];
        BinaryPrimitives.WriteUInt32LittleEndian(map, (uint)used * 1024);
        for (var i = 0; i < used * 256; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(map.AsSpan(4 + (i * 4)), units[i]);
        replacements.CopyTo(map, 4 + (used * 1024));
        return map;
    }

    private static uint Offset(uint low, int position, int target) => low | ((uint)(position ^ target) << 10);
}
