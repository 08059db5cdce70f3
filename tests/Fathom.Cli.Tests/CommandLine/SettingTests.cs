using System.CommandLine;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Tests.CommandLine;

public sealed class SettingTests : IDisposable
{
    private enum Colour
    {
        Red,
        Green,
    }

    private readonly List<string> _variables = [];

    public void Dispose()
    {
        foreach (var variable in _variables)
            Environment.SetEnvironmentVariable(variable, null);
    }

    [Fact]
    public void Read_NothingGiven_IsTheDefault() =>
        Assert.Equal(7, Read(Settings.Integer("--unit-test-a", "…", 7, 1, 10)));

    [Fact]
    public void Read_EnvironmentAndCommandLine_CommandLineWins()
    {
        SetVariable("FATHOM_UNIT_TEST_B", "3");
        var setting = Settings.Integer("--unit-test-b", "…", 7, 1, 10);
        Assert.Equal(3, Read(setting));
        Assert.Equal(9, Read(setting, "--unit-test-b", "9"));
    }

    [Fact]
    public void Read_ValueOutOfRange_NamesOptionValueAndRange()
    {
        var error = Assert.Throws<UsageException>(() => Read(Settings.Integer("--unit-test-c", "…", 7, 1, 10), "--unit-test-c", "11"));
        Assert.Equal("--unit-test-c: '11' must be a whole number from 1 to 10.", error.Message);
    }

    [Fact]
    public void Read_BadValueInEnvironment_NamesTheVariable()
    {
        SetVariable("FATHOM_UNIT_TEST_D", "blue");
        var setting = Settings.Choice("--unit-test-d", "…", Colour.Red, ("red", Colour.Red), ("green", Colour.Green));
        var error = Assert.Throws<UsageException>(() => Read(setting));
        Assert.Equal("FATHOM_UNIT_TEST_D: 'blue' must be one of red|green.", error.Message);
    }

    [Theory]
    [InlineData("32..512", 32, 512)]
    [InlineData("128", 128, 128)]
    public void Read_Range_GivesBothEnds(string text, int min, int max) =>
        Assert.Equal((min, max), Read(Settings.Range("--unit-test-e", "…", 1, 2), "--unit-test-e", text));

    [Theory]
    [InlineData("512..32")]
    [InlineData("0..4")]
    [InlineData("a..b")]
    [InlineData("")]
    public void Read_RangeThatIsNone_Throws(string text) =>
        Assert.Throws<UsageException>(() => Read(Settings.Range("--unit-test-f", "…", 1, 2), "--unit-test-f", text));

    [Fact]
    public void Read_IntegerList_SplitsAtCommas() =>
        Assert.Equal([1, 4, 16], Read(Settings.Integers("--unit-test-g", "…", "", 1), "--unit-test-g", "1,4,16"));

    [Theory]
    [InlineData("[1]", "must hold one JSON object")]
    [InlineData("{\"port\": {}}", "port must be a text, a number or true/false")]
    [InlineData("{\n\"port\": ", "not valid JSON at line 2")]
    public void ReadFile_NotPlainSettings_NamesTheFile(string content, string cause)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, content);
            var error = Assert.Throws<UsageException>(() => SettingSources.ReadFile(path));
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
            Assert.Contains(cause, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static T Read<T>(Setting<T> setting, params string[] arguments) =>
        setting.Read(new RootCommand { setting.Option }.Parse(arguments));

    private void SetVariable(string name, string value)
    {
        _variables.Add(name);
        Environment.SetEnvironmentVariable(name, value);
    }
}
