namespace Fathom.Kernels.Parallelism;

/// <summary>Work over numbered items that any worker may do in any order.</summary>
public interface IParallelWork
{
    /// <summary>Does items <paramref name="begin"/> to <paramref name="end"/> (exclusive).</summary>
    /// <param name="begin">First item.</param>
    /// <param name="end">One past the last item.</param>
    /// <param name="worker">Which worker this is, from 0 to the pool's threads - 1: the index of its scratch memory.</param>
    void Execute(int begin, int end, int worker);
}
