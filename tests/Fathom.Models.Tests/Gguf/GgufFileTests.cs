using Fathom.Kernels.Formats;
using Fathom.Models.Gguf;

namespace Fathom.Models.Tests.Gguf;

public sealed class GgufFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_WrittenFile_GivesBackEveryValueAndTensor()
    {
        string path = _folder.File("a.gguf");
        GgufMetadata metadata = EveryType();
        var random = new Random(1);
        GgufTensorPlan[] plans =
        [
            new("a", TensorType.F32, 5),
            new("b", TensorType.Q8_0, 64, 3),
            new("c", TensorType.F16, 3, 2, 2, 2),
            new("d", TensorType.Q6_K, 256, 1),
        ];
        var contents = new byte[plans.Length][];
        using (GgufWriter writer = GgufWriter.Create(path, metadata, plans))
        {
            for (int i = plans.Length - 1; i >= 0; i--)
            {
                contents[i] = new byte[plans[i].Bytes];
                random.NextBytes(contents[i]);
                writer.Write(i, 0, contents[i].AsSpan(0, 7));
                writer.Write(i, 7, contents[i].AsSpan(7));
            }

            Assert.False(File.Exists(path));
            writer.Complete();
        }

        using GgufFile file = GgufFile.Open(path);
        Assert.Equal(3, file.Version);
        Assert.Equal(metadata.Keys, file.Metadata.Keys);
        foreach (string key in metadata.Keys)
        {
            Assert.Equal(metadata[key].Type, file.Metadata[key].Type);
            Assert.Equal(metadata[key].ElementType, file.Metadata[key].ElementType);
            Assert.Equal(metadata[key].Content, file.Metadata[key].Content);
        }

        Assert.Equal(plans.Select(p => (p.Name, p.Type)), file.Tensors.Select(t => (t.Name, t.Type)));
        for (int i = 0; i < plans.Length; i++)
        {
            Assert.Equal(plans[i].Shape, file.Tensors[i].Shape);
            Assert.Equal(0, file.Tensors[i].Offset % 32);
            Assert.Equal(contents[i], file.View(file.Tensors[i]).AsSpan<byte>().ToArray());
        }
    }

    [Fact]
    public void Writer_DisposedBeforeCompletion_LeavesNothing()
    {
        using (GgufWriter.Create(_folder.File("b.gguf"), new GgufMetadata("new"), [new("t", TensorType.F32, 4)]))
        {
        }

        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Metadata_IntegerOfAnyWidth_ConvertsWhenItFits()
    {
        GgufMetadata metadata = EveryType();
        Assert.Equal(250, metadata.GetInt32("u8"));
        Assert.Equal(-7, metadata.GetInt32("i64"));
        Assert.True(metadata.TryGetInt32s("u32s", out int[]? values));
        Assert.Equal([1, 2, 3], values);
        Assert.Equal(250f, metadata.GetSingle("u8"));
        Assert.Contains("u64", Assert.Throws<GgufFormatException>(() => metadata.GetInt32("u64")).Message, StringComparison.Ordinal);
        Assert.Throws<GgufFormatException>(() => metadata.GetString("u8"));
        Assert.Throws<GgufFormatException>(() => metadata.GetStrings("u32s"));
        Assert.Throws<GgufFormatException>(() => metadata.GetSingle("nan"));
        Assert.Contains("absent", Assert.Throws<GgufFormatException>(() => metadata.GetString("none")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EmptyFile_Throws()
    {
        File.WriteAllBytes(_folder.File("e.gguf"), []);
        Assert.Throws<GgufFormatException>(() => GgufFile.Open(_folder.File("e.gguf")));
    }

    /// <summary>One key or array of each type.</summary>
    internal static GgufMetadata EveryType()
    {
        var metadata = new GgufMetadata("test");
        metadata.Set("u8", (byte)250);
        metadata.Set("i8", (sbyte)-5);
        metadata.Set("u16", (ushort)65000);
        metadata.Set("i16", (short)-300);
        metadata.Set("u32", 4_000_000_000u);
        metadata.Set("i32", -70_000);
        metadata.Set("f32", 1.5f);
        metadata.Set("bool", true);
        metadata.Set("string", "grüße 🌍");
        metadata.Set("u64", ulong.MaxValue);
        metadata.Set("i64", -7L);
        metadata.Set("f64", Math.PI);
        metadata.Set("nan", float.NaN);
        metadata.Set("u8s", new byte[] { 1, 2 });
        metadata.Set("i8s", new sbyte[] { -1, 2 });
        metadata.Set("u16s", new ushort[] { 1 });
        metadata.Set("i16s", new short[] { -1 });
        metadata.Set("u32s", new uint[] { 1, 2, 3 });
        metadata.Set("i32s", new[] { -1, 2 });
        metadata.Set("f32s", new[] { 0.5f, float.NegativeInfinity });
        metadata.Set("bools", new[] { true, false });
        metadata.Set("strings", new[] { "", "ab", "ü" });
        metadata.Set("u64s", new ulong[] { 5 });
        metadata.Set("i64s", new long[] { -5 });
        metadata.Set("f64s", new double[] { 0.25 });
        return metadata;
    }
}
