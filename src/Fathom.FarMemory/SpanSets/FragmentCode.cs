using Fathom.FarMemory.ErasureCode;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>
/// The code of a scheme: Reed-Solomon for the erasure schemes, plain copies where k is 1. It gives coefficients to the state machine,
/// which never sees a byte, and works on bytes for its hosts.
/// </summary>
/// <remarks>Immutable; any thread may use it.</remarks>
internal sealed class FragmentCode
{
    private readonly ReedSolomon? _code;

    public FragmentCode(FarPoolOptions options)
    {
        DataFragments = options.CodeData;
        ParityFragments = options.CodeParity;
        if (DataFragments > 1 && ParityFragments > 0)
            _code = new ReedSolomon(DataFragments, ParityFragments);
    }

    public int DataFragments { get; }

    public int ParityFragments { get; }

    public int Fragments => DataFragments + ParityFragments;

    /// <summary>What data slot <paramref name="slot"/> is multiplied by in parity <paramref name="parity"/>.</summary>
    public byte Coefficient(int parity, int slot) => _code?.Coefficient(parity, slot) ?? 1;

    /// <summary>Computes the parities. Data views of no length are zeros.</summary>
    public void Encode(ReadOnlySpan<NativeView> data, ReadOnlySpan<NativeView> parity)
    {
        for (var j = 0; j < parity.Length; j++)
        {
            var isFirst = true;
            for (var i = 0; i < data.Length; i++)
            {
                if (data[i].Length == 0)
                    continue;
                if (isFirst)
                    ReedSolomon.Multiply(Coefficient(j, i), data[i], parity[j]);
                else
                    ReedSolomon.MultiplyAccumulate(Coefficient(j, i), data[i], parity[j]);
                isFirst = false;
            }
            if (isFirst)
                parity[j].AsSpan<byte>().Clear();
        }
    }

    /// <summary>Coefficients c with fragment[wanted] = Σ c[s]·fragment[present[s]].</summary>
    /// <param name="present">k different slots.</param>
    /// <param name="wanted">Any slot.</param>
    /// <param name="coefficients">Receives k values.</param>
    public void Solve(ReadOnlySpan<int> present, int wanted, Span<byte> coefficients)
    {
        var k = DataFragments;
        Invariant.Check(present.Length == k && coefficients.Length >= k);
        if (k == 1)
        {
            coefficients[0] = 1;
            return;
        }
        // c · G_present = g_wanted; G has k rows of k, so c = g_wanted · G⁻¹.
        Span<byte> rows = stackalloc byte[k * k];
        Span<byte> inverse = stackalloc byte[k * k];
        for (var r = 0; r < k; r++)
            Row(present[r], rows.Slice(r * k, k));
        Invariant.Check(GaloisField.Invert(rows, inverse, k));
        Span<byte> generator = stackalloc byte[k];
        Row(wanted, generator);
        for (var s = 0; s < k; s++)
        {
            byte sum = 0;
            for (var i = 0; i < k; i++)
                sum ^= GaloisField.Multiply(generator[i], inverse[i * k + s]);
            coefficients[s] = sum;
        }
    }

    /// <summary>target = Σ coefficient·source; no source gives zeros.</summary>
    public static void Combine(ReadOnlySpan<NativeView> sources, ReadOnlySpan<byte> coefficients, NativeView target)
    {
        if (sources.Length == 0)
            target.AsSpan<byte>().Clear();
        for (var i = 0; i < sources.Length; i++)
        {
            if (i == 0)
                ReedSolomon.Multiply(coefficients[i], sources[i], target);
            else
                ReedSolomon.MultiplyAccumulate(coefficients[i], sources[i], target);
        }
    }

    private void Row(int slot, Span<byte> row)
    {
        row.Clear();
        if (slot < DataFragments)
        {
            row[slot] = 1;
            return;
        }
        for (var i = 0; i < DataFragments; i++)
            row[i] = Coefficient(slot - DataFragments, i);
    }
}
