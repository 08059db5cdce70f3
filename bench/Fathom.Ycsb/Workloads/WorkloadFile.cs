using System.Globalization;

namespace Fathom.Ycsb.Workloads;

/// <summary>A workload of the Yahoo! Cloud Serving Benchmark as its properties file says.</summary>
/// <param name="Name">Of the file.</param>
/// <param name="Read">Part of operations that read a record.</param>
/// <param name="Update">Part that overwrites one.</param>
/// <param name="Insert">Part that adds one.</param>
/// <param name="Scan">Part that reads some in order.</param>
/// <param name="ReadModifyWrite">Part that reads a record and overwrites it.</param>
/// <param name="Distribution">Which records they go to.</param>
/// <param name="ScanLengthMax">Most records of a scan; lengths are uniform from 1.</param>
public sealed record WorkloadFile(
    string Name, double Read, double Update, double Insert, double Scan, double ReadModifyWrite, RequestDistribution Distribution, int ScanLengthMax)
{
    /// <summary>Reads a properties file.</summary>
    /// <exception cref="YcsbException">It cannot be read, or has a value that this benchmark does not know.</exception>
    public static WorkloadFile Open(string path)
    {
        try
        {
            return Parse(Path.GetFileName(path), File.ReadLines(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new YcsbException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Takes the lines of a properties file.</summary>
    /// <exception cref="YcsbException">A value that this benchmark does not know.</exception>
    public static WorkloadFile Parse(string name, IEnumerable<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var text = line.Trim();
            var split = text.IndexOf('=', StringComparison.Ordinal);
            if (split > 0 && text[0] != '#')
                properties[text[..split].Trim()] = text[(split + 1)..].Trim();
        }
        var workload = new WorkloadFile(
            name, Number("readproportion"), Number("updateproportion"), Number("insertproportion"), Number("scanproportion"),
            Number("readmodifywriteproportion"), Chosen(), (int)Number("maxscanlength", 1000));
        if (properties.GetValueOrDefault("scanlengthdistribution", "uniform") != "uniform")
            throw new YcsbException($"{name}: scan lengths other than uniform are not known.");
        var sum = workload.Read + workload.Update + workload.Insert + workload.Scan + workload.ReadModifyWrite;
        return Math.Abs(sum - 1) < 1e-6 ? workload : throw new YcsbException($"{name}: the proportions of operations add up to {sum}.");

        double Number(string property, double missing = 0)
        {
            if (!properties.TryGetValue(property, out var text))
                return missing;
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0
                ? value
                : throw new YcsbException($"{name}: {property}={text} is no number.");
        }

        RequestDistribution Chosen() => properties.GetValueOrDefault("requestdistribution", "uniform") switch
        {
            "uniform" => RequestDistribution.Uniform,
            "zipfian" => RequestDistribution.Zipfian,
            "latest" => RequestDistribution.Latest,
            var other => throw new YcsbException($"{name}: requestdistribution={other} is not known."),
        };
    }
}
