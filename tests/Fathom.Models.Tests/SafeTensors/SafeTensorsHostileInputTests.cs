using System.Text;
using Fathom.Models.SafeTensors;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.SafeTensors;

public sealed class SafeTensorsHostileInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string, int, string> Headers() => new()
    {
        { "array", "[]", 0, "not an object" },
        { "no JSON", "{\"a\":", 0, "not acceptable JSON" },
        { "duplicate name", "{\"a\":" + Entry("F32", "[1]", 0, 4) + ",\"a\":" + Entry("F32", "[1]", 4, 8) + "}", 8, "not acceptable JSON" },
        { "unpaired surrogate", "{\"\\ud800\":" + Entry("F32", "[1]", 0, 4) + "}", 4, "not acceptable JSON" },
        { "entry is a number", "{\"a\":1}", 0, "needs a dtype" },
        { "no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "needs a dtype" },
        { "one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "needs a dtype" },
        { "dtype", "{\"a\":" + Entry("F31", "[1]", 0, 4) + "}", 4, "dtype F31" },
        { "negative dimension", "{\"a\":" + Entry("F32", "[-1]", 0, 4) + "}", 4, "dimension 0 is -1" },
        { "fractional dimension", "{\"a\":" + Entry("F32", "[1.5]", 0, 4) + "}", 4, "dimension 0 is 1.5" },
        { "text dimension", "{\"a\":" + Entry("F32", "[\"1\"]", 0, 4) + "}", 4, "dimension 0" },
        { "product overflows", "{\"a\":" + Entry("F32", "[9223372036854775807, 9]", 0, 4) + "}", 4, "dimension" },
        { "nine dimensions", "{\"a\":" + Entry("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) + "}", 4, "9 dimensions" },
        { "begin after end", "{\"a\":" + Entry("F32", "[1]", 8, 4) + "}", 8, "data_offsets" },
        { "end outside", "{\"a\":" + Entry("F32", "[2]", 0, 8) + "}", 4, "truncated?" },
        { "length differs", "{\"a\":" + Entry("F32", "[3]", 0, 8) + "}", 8, "do not take" },
        { "overlap", "{\"a\":" + Entry("F32", "[2]", 0, 8) + ",\"b\":" + Entry("F32", "[1]", 4, 8) + "}", 8, "the one before it ends" },
        { "hole", "{\"a\":" + Entry("F32", "[1]", 0, 4) + ",\"b\":" + Entry("F32", "[1]", 8, 12) + "}", 12, "the one before it ends" },
        { "bytes left over", "{\"a\":" + Entry("F32", "[1]", 0, 4) + "}", 12, "belong to no tensor" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Open_BrokenHeader_NamesTheCauseInOneLine(string name, string header, int dataBytes, string expected)
    {
        string path = Write(header, dataBytes);
        var error = Assert.Throws<SafeTensorsFormatException>(() => SafeTensorsFile.Open(path));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), $"{name}: {error.Message}");
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    public void Open_TruncatedLength_Throws(int bytes)
    {
        File.WriteAllBytes(_folder.File("t.safetensors"), Enumerable.Repeat((byte)255, bytes).ToArray());
        Assert.Throws<SafeTensorsFormatException>(() => SafeTensorsFile.Open(_folder.File("t.safetensors")));
    }

    [Fact]
    public void Open_ScalarAndEmptyTensor_AreRead()
    {
        string path = Write("{\"s\":" + Entry("F32", "[]", 0, 4) + ",\"e\":" + Entry("I64", "[0,5]", 4, 4) + ",\"__metadata__\":{\"x\":\"y\"}}", 4);
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Assert.Equal(2, file.Tensors.Count);
        Assert.True(file.TryGetTensor("s", out SafeTensor? scalar));
        Assert.Equal(4, file.View(scalar).Length);
    }

    [Theory]
    [InlineData("{}", "weight_map")]
    [InlineData("{\"weight_map\":{\"a\":1}}", "names the file 1")]
    [InlineData("{\"weight_map\":{\"a\":\"../../etc/passwd\"}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"..\"}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"none.safetensors\"}}", "which is not there")]
    [InlineData("{\"weight_map\":{\"missing\":\"t.safetensors\"}}", "not in this file")]
    public void OpenModel_BrokenIndex_NamesTheCause(string index, string expected)
    {
        Write("{\"a\":" + Entry("F32", "[1]", 0, 4) + "}", 4);
        File.WriteAllText(_folder.File("model.safetensors.index.json"), index);
        var error = Assert.Throws<SafeTensorsFormatException>(() => SafeTensorsModel.Open(_folder.Path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenModel_SameTensorInTwoShards_IsRefused()
    {
        ReferenceHuggingFace.WriteFile(_folder.File("a.safetensors"), [("x", [1], [1])]);
        ReferenceHuggingFace.WriteFile(_folder.File("b.safetensors"), [("x", [1], [1]), ("y", [1], [1])]);
        File.WriteAllText(_folder.File("model.safetensors.index.json"), "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"}}");
        Assert.Contains("another shard", Assert.Throws<SafeTensorsFormatException>(() => SafeTensorsModel.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenModel_EmptyFolder_SaysWhatIsMissing() =>
        Assert.Contains("has neither", Assert.Throws<SafeTensorsFormatException>(() => SafeTensorsModel.Open(_folder.Path)).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_TenThousandMutations_OnlyModelExceptionEscapes()
    {
        ReferenceHuggingFace.WriteFile(_folder.File("v.safetensors"), [("first", [2, 3], new double[6]), ("second.weight", [4], new double[4]), ("é", [], [1])]);
        byte[] whole = File.ReadAllBytes(_folder.File("v.safetensors"));
        var mutator = new Mutator(seed: 20240612);
        for (int i = 0; i < 10_000; i++)
        {
            byte[] damaged = mutator.Mutate(whole, whole.Length);
            try
            {
                foreach (SafeTensor tensor in SafeTensorsFile.Parse(damaged, damaged.Length, "mutation").Values)
                    Assert.True(tensor.Offset >= 8 && tensor.Bytes >= 0 && tensor.Offset + tensor.Bytes <= damaged.Length, $"mutation {i}");
            }
            catch (ModelException)
            {
                // The outcome that is wanted of most of them.
            }
        }
    }

    private static string Entry(string type, string shape, long begin, long end) =>
        $"{{\"dtype\":\"{type}\",\"shape\":{shape},\"data_offsets\":[{begin},{end}]}}";

    private string Write(string header, int dataBytes)
    {
        string path = _folder.File("t.safetensors");
        byte[] json = Encoding.UTF8.GetBytes(header);
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write((ulong)json.Length);
        writer.Write(json);
        writer.Write(new byte[dataBytes]);
        return path;
    }
}
