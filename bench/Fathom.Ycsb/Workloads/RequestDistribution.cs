namespace Fathom.Ycsb.Workloads;

/// <summary>Which records requests go to.</summary>
public enum RequestDistribution
{
    /// <summary>All alike.</summary>
    Uniform,

    /// <summary>Zipf with θ = 0.99, the frequent ones scattered over the key space.</summary>
    Zipfian,

    /// <summary>Zipf with θ = 0.99, the newest records the most frequent.</summary>
    Latest,
}
