namespace Fathom.FarMemory.Membership;

/// <summary>
/// Where a directory's ledger is kept: a file of one machine, or whatever the directories of several machines agree in. Only the
/// directory that took over last may append.
/// </summary>
/// <remarks>Called under the directory's lock, line by line, before anybody acts on a line.</remarks>
internal interface ILedgerStore : IDisposable
{
    /// <summary>Keeps a line for good.</summary>
    /// <returns>False when another directory has taken over since: nothing was kept, and this one must stop.</returns>
    bool TryAppend(string line);
}
