using System.Text.Json;
using Fathom.Server.Http;

namespace Fathom.Server.Tests.Http;

public sealed class JsonFieldsTests
{
    private static JsonFields Fields(string json) => new(JsonElement.Parse(json));

    [Fact]
    public void Read_AbsentOrNull_IsNull()
    {
        var fields = Fields("""{"a":null}""");
        Assert.Null(fields.Text("a"));
        Assert.Null(fields.Int32("a", 0, 1));
        Assert.Null(fields.Number("b", 0, 1));
        Assert.Null(fields.Boolean("b"));
    }

    [Theory]
    [InlineData("3", 3)]
    [InlineData("3.0", 3)]
    [InlineData("-9223372036854775808", long.MinValue)]
    [InlineData("1e3", 1000)]
    public void Int64_WholeNumbers_Read(string number, long expected) =>
        Assert.Equal(expected, Fields($$"""{"a":{{number}}}""").Int64("a"));

    [Theory]
    [InlineData("\"3\"", "invalid_type")]
    [InlineData("3.5", "invalid_type")]
    [InlineData("true", "invalid_type")]
    [InlineData("11", "out_of_range")]
    [InlineData("-1", "out_of_range")]
    [InlineData("1e400", "out_of_range")]
    [InlineData("99999999999999999999", "out_of_range")]
    public void Int32_Others_RefusedByName(string value, string code)
    {
        var e = Assert.Throws<RequestRejectedException>(() => Fields($$"""{"a":{{value}}}""").Int32("a", 0, 10));
        Assert.Equal("a", e.Error.Param);
        Assert.Equal(code, e.Error.Code);
    }

    [Theory]
    [InlineData("1e999")]
    [InlineData("-1e999")]
    [InlineData("2.0001")]
    public void Number_OutOfRange_RefusedByName(string value)
    {
        var e = Assert.Throws<RequestRejectedException>(() => Fields($$"""{"a":{{value}}}""").Number("a", 0, 2));
        Assert.Contains("'a' must be between 0 and 2", e.Error.Message, StringComparison.Ordinal);
    }
}
