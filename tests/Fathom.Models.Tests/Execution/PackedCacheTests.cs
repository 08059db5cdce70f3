using System.Buffers.Binary;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Execution.PackedCache;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.Execution;

/// <summary>Packed weights kept beside the model: the second start maps them, and anything that does not fit is packed again.</summary>
public sealed class PackedCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string ModelPath => _folder.File("m.gguf");

    private string CachePath => _folder.File("m.gguf.packed");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", TensorType.Q8_0)]
    [InlineData("phi3", TensorType.Q4_K)]
    [InlineData("gpt2", TensorType.F16)]
    [InlineData("llama", TensorType.Q5_K)]
    public void Load_SecondTime_MapsAndGivesTheSameBits(string name, TensorType type)
    {
        ReferenceGguf.Write(new ReferenceModel(ReferenceShape.All[name].Wide(), seed: 5), ModelPath, type);
        float[][] plain = Run(PackedCacheState.Off, keeps: false);
        Assert.Equal(plain, Run(PackedCacheState.Written));
        Assert.Equal(plain, Run(PackedCacheState.Mapped));
        Assert.Equal(["m.gguf", "m.gguf.packed"], Directory.GetFiles(Path.GetDirectoryName(ModelPath)!).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Load_ModelHasChanged_PacksAgain()
    {
        WriteModel(seed: 5);
        Run(PackedCacheState.Written);
        WriteModel(seed: 6);
        float[][] plain = Run(PackedCacheState.Off, keeps: false);
        Assert.Equal(plain, Run(PackedCacheState.Written));
        Assert.Equal(plain, Run(PackedCacheState.Mapped));
    }

    [Fact]
    public void Load_FileIsDamaged_PacksAgain()
    {
        WriteModel(seed: 5);
        float[][] plain = Run(PackedCacheState.Written);
        byte[] whole = File.ReadAllBytes(CachePath);
        // A bit of a weight, of the table, of the head; cut short; empty; something else.
        foreach (int at in new[] { 5000, whole.Length - 3, 20, 100 })
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 4;
            AssertPacksAgain(damaged, plain);
        }

        AssertPacksAgain(whole[..^1], plain);
        AssertPacksAgain(whole[..4096], plain);
        AssertPacksAgain([], plain);
        AssertPacksAgain(new byte[100_000], plain);
    }

    /// <summary>Every checksum is right, and the numbers are not.</summary>
    [Fact]
    public void Load_FileIsHostile_PacksAgain()
    {
        WriteModel(seed: 5);
        float[][] plain = Run(PackedCacheState.Written);
        byte[] whole = File.ReadAllBytes(CachePath);
        int table = (int)BinaryPrimitives.ReadInt64LittleEndian(whole.AsSpan(16));
        int firstEntry = table + 2 + BinaryPrimitives.ReadUInt16LittleEndian(whole.AsSpan(table));
        AssertPacksAgain(Forge(whole, bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), long.MaxValue - 1)), plain); // table offset
        AssertPacksAgain(Forge(whole, bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), -1)), plain); // table length
        AssertPacksAgain(Forge(whole, bytes => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), int.MaxValue)), plain); // entries
        AssertPacksAgain(Forge(whole, bytes => BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(table), ushort.MaxValue)), plain); // name
        AssertPacksAgain(Forge(whole, bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(firstEntry + 12), long.MaxValue & ~4095L)), plain); // offset
        AssertPacksAgain(Forge(whole, bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(firstEntry + 20), long.MaxValue)), plain); // length
    }

    [Fact]
    public void Load_EntryOfAnotherShape_IsNotUsed()
    {
        WriteModel(seed: 5);
        float[][] plain = Run(PackedCacheState.Written);
        byte[] whole = File.ReadAllBytes(CachePath);
        int table = (int)BinaryPrimitives.ReadInt64LittleEndian(whole.AsSpan(16));
        int firstEntry = table + 2 + BinaryPrimitives.ReadUInt16LittleEndian(whole.AsSpan(table));
        File.WriteAllBytes(CachePath, Forge(whole, bytes => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(firstEntry + 4), int.MaxValue)));
        Assert.Equal(plain, Run(PackedCacheState.Mapped));
    }

    [Fact]
    public void Load_PlaceCannotBeWritten_StillLoads()
    {
        WriteModel(seed: 5);
        Directory.CreateDirectory(CachePath); // a folder has the name
        Assert.Equal(Run(PackedCacheState.Off, keeps: false), Run(PackedCacheState.Unwritable));
        Assert.Equal(["m.gguf"], Directory.GetFiles(Path.GetDirectoryName(ModelPath)!).Select(Path.GetFileName));
    }

    /// <summary>Changes the file and makes its checksums right again.</summary>
    private static byte[] Forge(byte[] whole, Action<byte[]> change)
    {
        byte[] forged = [.. whole];
        int table = (int)BinaryPrimitives.ReadInt64LittleEndian(forged.AsSpan(16));
        change(forged);
        BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(32), PackedCacheTable.Checksum(forged.AsSpan(table)));
        BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(124), PackedCacheTable.Checksum(forged.AsSpan(0, 124)));
        return forged;
    }

    private void WriteModel(int seed) =>
        ReferenceGguf.Write(new ReferenceModel(ReferenceShape.All["llama"].Wide(), seed), ModelPath, TensorType.Q8_0);

    private void AssertPacksAgain(byte[] cache, float[][] expected)
    {
        File.WriteAllBytes(CachePath, cache);
        Assert.Equal(expected, Run(PackedCacheState.Written));
    }

    private float[][] Run(PackedCacheState expected, bool keeps = true)
    {
        using TransformerModel model = TransformerModel.Load(ModelPath, new ModelLoadOptions { Threads = 2, KeepsPacked = keeps });
        Assert.Equal(expected, model.PackedCache);
        return ModelRun.All(model, ModelRun.Tokens(20, model.Config.VocabularySize, seed: 3));
    }
}
