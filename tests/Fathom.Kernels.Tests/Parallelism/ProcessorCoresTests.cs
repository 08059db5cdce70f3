using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.Tests.Parallelism;

public sealed class ProcessorCoresTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-cores-").FullName;

    [Fact]
    public void CountCores_TwoThreadsACore_CountsCores()
    {
        for (var cpu = 0; cpu < 8; cpu++)
            AddProcessor(cpu, $"{cpu % 4},{cpu % 4 + 4}");
        Assert.Equal(4, ProcessorCores.CountCores(Status("0-7"), _folder));
        Assert.Equal(2, ProcessorCores.CountCores(Status("0-1"), _folder));
        Assert.Equal(1, ProcessorCores.CountCores(Status("2,6"), _folder));
    }

    [Fact]
    public void CountCores_TopologyIsHidden_SaysNothing() =>
        Assert.Equal(int.MaxValue, ProcessorCores.CountCores(Status("0-1"), _folder));

    [Fact]
    public void Usable_ThisMachine_IsBetweenOneAndItsProcessors() =>
        Assert.InRange(ProcessorCores.Usable, 1, Environment.ProcessorCount);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void AddProcessor(int cpu, string siblings)
    {
        var topology = Directory.CreateDirectory(Path.Combine(_folder, $"cpu{cpu}", "topology"));
        File.WriteAllText(Path.Combine(topology.FullName, "thread_siblings_list"), siblings + "\n");
    }

    private string Status(string allowed)
    {
        var file = Path.Combine(_folder, "status");
        File.WriteAllText(file, $"Name:\tfathom\nCpus_allowed:\tff\nCpus_allowed_list:\t{allowed}\n");
        return file;
    }
}
