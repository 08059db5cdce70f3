using System.Diagnostics.Metrics;

namespace Fathom.Server.Metrics;

/// <summary>What the .NET runtime measures of itself and an operator of a server wants to see: garbage collection.</summary>
internal static class RuntimeInstruments
{
    private const string MeterName = "System.Runtime";

    /// <summary>Whether the instrument is one of them.</summary>
    public static bool Contains(Instrument instrument) =>
        instrument.Meter.Name == MeterName
        && instrument.Name is "dotnet.gc.collections" or "dotnet.gc.pause.time" or "dotnet.gc.heap.total_allocated";
}
