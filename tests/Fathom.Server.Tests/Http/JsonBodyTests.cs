using System.Text;
using Fathom.Server.Http;

namespace Fathom.Server.Tests.Http;

public sealed class JsonBodyTests
{
    [Theory]
    [InlineData("", "empty")]
    [InlineData("[1]", "must be a JSON object")]
    [InlineData("3", "must be a JSON object")]
    [InlineData("{\"a\":1,}", "line 1, byte 8")]
    [InlineData("{\n  \"a\": tru\n}", "line 2, byte 11")]
    [InlineData("{\"a\":1} x", "line 1, byte 9")]
    [InlineData("{\"a\":\"\\ud800\"}", "half a surrogate pair, in the string at byte 6")]
    [InlineData("{\"\\uDC00\":1}", "half a surrogate pair, in the string at byte 2")]
    [InlineData("{\"a\":\"\\ud83d x\"}", "half a surrogate pair")]
    [InlineData("{\"a\":\"\\ude00\\ud83d\"}", "half a surrogate pair")]
    public void Parse_Malformed_RefusedWithPosition(string body, string expected)
    {
        var e = Assert.Throws<RequestRejectedException>(() => JsonBody.Parse(Encoding.UTF8.GetBytes(body)));
        Assert.Equal(400, e.Error.Status);
        Assert.Contains(expected, e.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0x7B, 0x22, 0xFF, 0x22 }, 3)]
    [InlineData(new byte[] { 0x7B, 0x22, 0xC3, 0xA9, 0xED, 0xA0, 0x80 }, 5)]
    [InlineData(new byte[] { 0x7B, 0xF0, 0x9F, 0xA6 }, 2)]
    public void Parse_InvalidUtf8_RefusedWithOffset(byte[] body, int position)
    {
        var e = Assert.Throws<RequestRejectedException>(() => JsonBody.Parse(body));
        Assert.Contains($"not valid UTF-8: fault at byte {position}.", e.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_DeeperThanAllowed_Refused()
    {
        var body = Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 100) + new string(']', 100) + "}");
        Assert.Throws<RequestRejectedException>(() => JsonBody.Parse(body));
    }

    [Fact]
    public void Parse_EscapedPairsAndOtherEscapes_Read()
    {
        using var document = JsonBody.Parse("""{"a":"\ud83e\udd86 \\ud800 \" é"}"""u8.ToArray());
        Assert.Equal("🦆 \\ud800 \" é", document.RootElement.GetProperty("a").GetString());
    }
}
