namespace Fathom.Cli.Tests;

/// <summary>Tests of many processes that hold leases and deadlines by the clock: nothing else of this project runs beside them.</summary>
[CollectionDefinition(nameof(AloneOnTheMachine), DisableParallelization = true)]
public class AloneOnTheMachine;
