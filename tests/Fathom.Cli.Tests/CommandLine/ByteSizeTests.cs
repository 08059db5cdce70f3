using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Tests.CommandLine;

public class ByteSizeTests
{
    [Theory]
    [InlineData("1", 1L)]
    [InlineData("4096", 4096L)]
    [InlineData("512MiB", 512L << 20)]
    [InlineData("4gib", 4L << 30)]
    [InlineData("1.5 GiB", 3L << 29)]
    [InlineData("2GB", 2_000_000_000L)]
    [InlineData("10B", 10L)]
    public void Parse_SizeAsPeopleWriteIt_GivesBytes(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("GiB")]
    [InlineData("-1")]
    [InlineData("4GiBs")]
    [InlineData("0x10")]
    public void Parse_NotASize_Throws(string text) => Assert.Throws<FormatException>(() => ByteSize.Parse(text));

    [Theory]
    [InlineData("0")]
    [InlineData("0.1")]
    [InlineData("NaN")]
    [InlineData("99999999999TiB")]
    public void Parse_OutOfRange_Throws(string text) => Assert.Throws<OverflowException>(() => ByteSize.Parse(text));

    [Theory]
    [InlineData(0L, "0 B")]
    [InlineData(1536L, "1.5 KiB")]
    [InlineData(1L << 30, "1 GiB")]
    public void Format_Bytes_TakesTheLargestUnit(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));
}
