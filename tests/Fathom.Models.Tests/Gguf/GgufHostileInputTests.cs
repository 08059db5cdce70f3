using System.Text;
using Fathom.Kernels.Formats;
using Fathom.Models.Gguf;

namespace Fathom.Models.Tests.Gguf;

public sealed class GgufHostileInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, byte[], string> Broken()
    {
        var cases = new TheoryData<string, byte[], string>
        {
            { "magic", Head(magic: "GGML"), "magic" },
            { "version 1", Head(version: 1), "version" },
            { "version 4", Head(version: 4), "version" },
            { "big endian", Head(version: 0x03000000), "big-endian" },
            { "tensor count", Head(tensors: ulong.MaxValue), "tensor count" },
            { "tensor count beyond the file", Head(tensors: 1000), "tensor count" },
            { "metadata count", Head(values: 1UL << 40), "metadata count" },
            { "key past the end", Head(values: 1, rest: w => w.Write(1UL << 60)), "metadata key 0" },
            { "key of zero bytes", Head(values: 1, rest: w => { Text(w, ""); w.Write(4u); w.Write(1u); }), "is empty" },
            { "key not UTF-8", Head(values: 1, rest: w => { w.Write(2UL); w.Write([0xC3, 0x28]); w.Write(4u); w.Write(1u); }), "not valid UTF-8" },
            { "value type", Head(values: 1, rest: w => { Text(w, "k"); w.Write(13u); }), "unknown value type 13" },
            { "boolean 2", Head(values: 1, rest: w => { Text(w, "k"); w.Write(7u); w.Write((byte)2); }), "boolean stored as 2" },
            { "string past the end", Head(values: 1, rest: w => { Text(w, "k"); w.Write(8u); w.Write(long.MaxValue); }), "k: needs" },
            { "nested array", Head(values: 1, rest: w => { Text(w, "k"); w.Write(9u); w.Write(9u); w.Write(1UL); }), "an array of arrays" },
            { "array count", Head(values: 1, rest: w => { Text(w, "k"); w.Write(9u); w.Write(4u); w.Write(1UL << 62); }), "do not fit" },
            { "string array count", Head(values: 1, rest: w => { Text(w, "k"); w.Write(9u); w.Write(8u); w.Write(1UL << 31); }), "do not fit" },
            { "duplicate key", Head(values: 2, rest: w => { Pair(w, "k"); Pair(w, "k"); }), "appears twice" },
            { "alignment 0", Head(values: 1, rest: w => Pair(w, "general.alignment", 0)), "general.alignment: is 0" },
            { "alignment 24", Head(values: 1, rest: w => Pair(w, "general.alignment", 24)), "general.alignment: is 24" },
            { "alignment huge", Head(values: 1, rest: w => Pair(w, "general.alignment", 1u << 31)), "general.alignment" },
            { "no dimensions", Head(tensors: 1, rest: w => Tensor(w, "t", [], 0, 0)), "has 0 dimensions" },
            { "five dimensions", Head(tensors: 1, rest: w => Tensor(w, "t", [1, 1, 1, 1, 1], 0, 0)), "has 5 dimensions" },
            { "dimension 0", Head(tensors: 1, rest: w => Tensor(w, "t", [0], 0, 0)), "dimension 0 is 0" },
            { "product overflows", Head(tensors: 1, rest: w => Tensor(w, "t", [1UL << 32, 1UL << 32], 0, 0)), "dimension 1" },
            { "bytes overflow", Head(tensors: 1, rest: w => Tensor(w, "t", [1UL << 31, 1UL << 31], 0, 0)), "64 bits" },
            { "tensor type", Head(tensors: 1, rest: w => Tensor(w, "t", [32], 99, 0)), "t: tensor type 99" },
            { "removed tensor type", Head(tensors: 1, rest: w => Tensor(w, "t", [32], 4, 0)), "t: tensor type 4" },
            { "partial block", Head(tensors: 1, rest: w => Tensor(w, "t", [33], 8, 0)), "whole blocks of 32" },
            { "offset outside", Head(tensors: 1, rest: w => Tensor(w, "t", [4], 0, 1 << 20)), "truncated?" },
            { "offset wraps", Head(tensors: 1, rest: w => Tensor(w, "t", [4], 0, ulong.MaxValue - 31)), "truncated?" },
            { "offset unaligned", Head(tensors: 1, rest: w => Tensor(w, "t", [4], 0, 16)), "multiple of the alignment" },
            { "data missing", Head(tensors: 1, rest: w => Tensor(w, "t", [1 << 20], 0, 0)), "truncated?" },
            { "duplicate tensor", Head(tensors: 2, rest: w => { Tensor(w, "t", [4], 0, 0); Tensor(w, "t", [4], 0, 32); }), "appears twice" },
            { "overlap", Head(tensors: 2, rest: w => { Tensor(w, "t", [16], 0, 0); Tensor(w, "u", [4], 0, 32); }), "overlaps tensor t" },
        };
        return cases;
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void Open_BrokenFile_NamesTheCauseInOneLine(string name, byte[] bytes, string expected)
    {
        string path = _folder.File("broken.gguf");
        File.WriteAllBytes(path, bytes);
        var error = Assert.ThrowsAny<ModelException>(() => GgufFile.Open(path));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), $"{name}: {error.Message}");
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Open_EveryTruncation_ThrowsModelException()
    {
        byte[] whole = Valid(_folder);
        for (int length = 0; length < whole.Length; length++)
            Assert.ThrowsAny<ModelException>(() => GgufDirectory.Parse(whole.AsSpan(0, length), length, "cut"));
    }

    [Fact]
    public void Parse_TenThousandMutations_OnlyModelExceptionEscapes()
    {
        byte[] whole = Valid(_folder);
        var mutator = new Mutator(seed: 20240611);
        for (int i = 0; i < 10_000; i++)
        {
            byte[] damaged = mutator.Mutate(whole, whole.Length);
            try
            {
                GgufDirectory directory = GgufDirectory.Parse(damaged, damaged.Length, "mutation");
                foreach (GgufTensor tensor in directory.Tensors)
                    Assert.True(tensor.Offset >= 0 && tensor.Bytes > 0 && tensor.Offset + tensor.Bytes <= damaged.Length, $"mutation {i}");
            }
            catch (ModelException)
            {
                // The outcome that is wanted of most of them.
            }
        }
    }

    private static byte[] Valid(TemporaryFolder folder)
    {
        string path = folder.File("valid.gguf");
        using (GgufWriter writer = GgufWriter.Create(
            path, GgufFileTests.EveryType(), [new("first", TensorType.F32, 8, 2), new("second", TensorType.Q4_0, 32, 2)]))
        {
            writer.Write(0, 0, new byte[64]);
            writer.Complete();
        }

        // Without the padding after the last tensor, every shorter prefix is an error.
        return File.ReadAllBytes(path)[..^28];
    }

    private static byte[] Head(string magic = "GGUF", uint version = 3, ulong tensors = 0, ulong values = 0, Action<BinaryWriter>? rest = null)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Encoding.ASCII.GetBytes(magic));
        writer.Write(version);
        writer.Write(tensors);
        writer.Write(values);
        rest?.Invoke(writer);
        writer.Write(new byte[256]);
        return stream.ToArray();
    }

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((ulong)text.Length);
        writer.Write(Encoding.ASCII.GetBytes(text));
    }

    private static void Pair(BinaryWriter writer, string key, uint value = 1)
    {
        Text(writer, key);
        writer.Write(4u);
        writer.Write(value);
    }

    private static void Tensor(BinaryWriter writer, string name, ulong[] shape, uint type, ulong offset)
    {
        Text(writer, name);
        writer.Write((uint)shape.Length);
        foreach (ulong size in shape)
            writer.Write(size);
        writer.Write(type);
        writer.Write(offset);
    }
}
