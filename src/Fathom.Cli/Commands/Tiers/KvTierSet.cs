using Fathom.Cli.CommandLine;
using Fathom.FarMemory.BlockStore.Remote;
using Fathom.Kernels.Attention;
using Fathom.Models.Sources;
using Fathom.Server.Metrics;
using Fathom.Tiering;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.Far;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands.Tiers;

/// <summary>The tiers of one model, what they stand on, and the tiering over them; owns all.</summary>
internal sealed class KvTierSet : IAsyncDisposable
{
    private const int LoadBlocksMin = 32;
    private const long LoadBytesMax = 1L << 30;
    private const long StoreBytes = 64L << 20;
    private const int StoreBlocksMin = 32;
    private static readonly TimeSpan FarTransferTime = TimeSpan.FromSeconds(3);

    private readonly TierPlan _plan;
    private readonly EmbeddedFarMemory? _far;
    private readonly RemoteBlocks? _shared;
    private readonly List<IKvTier> _tiers = [];
    private readonly ILoggerFactory _loggers;

    private KvTierSet(TierPlan plan, EmbeddedFarMemory? far, ILoggerFactory loggers)
    {
        _plan = plan;
        _far = far;
        _shared = plan.BlockStore is { } server ? new RemoteBlocks(server, FarTier.Namespace) : null;
        _loggers = loggers;
    }

    /// <summary>The tiering, once <see cref="Open"/> has made it.</summary>
    public KvTiering Tiering { get; private set; } = null!;

    /// <summary>Starts what the tiers stand on; null when the plan has none.</summary>
    public static async Task<KvTierSet?> StartAsync(TierPlan plan, ILoggerFactory loggers, CancellationToken cancellation)
    {
        if (plan.IsEmpty)
            return null;
        var logger = loggers.CreateLogger("far memory");
        var far = plan.EmbeddedFarBytes is { } bytes ? await EmbeddedFarMemory.StartAsync(bytes, logger, cancellation) : null;
        return new KvTierSet(plan, far, loggers);
    }

    /// <summary>Puts the tiers below a model's blocks.</summary>
    /// <param name="modelPath">The model's file or folder.</param>
    /// <param name="storage">Its blocks.</param>
    /// <param name="meters">Where the tiers' meter is made.</param>
    /// <param name="modelName">What the API calls the model.</param>
    public KvTiering Open(string modelPath, KvStorage storage, MeterScope meters, string modelName)
    {
        if (_far is not null)
            _tiers.Add(new FarTier(_far.Store.Open(FarTier.Namespace), FarTransferTime));
        if (_shared is not null)
            _tiers.Add(new FarTier(_shared, FarTransferTime));
        long blockBytes = storage.BlockBytes;
        if (_plan.KvStorePath is { } path)
            _tiers.Add(OpenLog(path, storage.BlockBytes));
        var options = new KvTieringOptions
        {
            Root = KvChainRoot.Of(ModelContentHash.Read(modelPath, HashFolder()), storage),
            BlockBytes = storage.BlockBytes,
            LoadMemoryBytes = Math.Max(LoadBlocksMin * blockBytes, Math.Min(storage.Bytes / 2, LoadBytesMax)),
            FetchesAlways = _plan.FetchesAlways,
            StoreMemoryBytes = Math.Max(StoreBlocksMin * blockBytes, StoreBytes),
        };
        return Tiering = new KvTiering(options, _tiers, meters, modelName, _loggers.CreateLogger<KvTiering>());
    }

    public async ValueTask DisposeAsync()
    {
        if (Tiering is not null)
            await Tiering.DisposeAsync();
        foreach (var tier in _tiers)
            await tier.DisposeAsync();
        _shared?.Dispose();
        if (_far is not null)
            await _far.DisposeAsync();
    }

    private KvBlockLog OpenLog(string path, int blockBytes)
    {
        var options = new BlockLogOptions { Path = path, CapacityBytes = _plan.KvStoreBytes, BlockBytes = blockBytes };
        try
        {
            return KvBlockLog.Open(options, _loggers.CreateLogger<KvBlockLog>());
        }
        catch (KvTierException refused)
        {
            throw new CommandException($"{TierSettings.KvStore.Name}: {refused.Message}");
        }
    }

    private static string HashFolder()
    {
        var folder = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return Path.Combine(folder.Length > 0 ? folder : Path.GetTempPath(), "fathom", "models");
    }
}
