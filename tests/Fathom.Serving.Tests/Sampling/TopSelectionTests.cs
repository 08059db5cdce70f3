using Fathom.Serving.Sampling;

namespace Fathom.Serving.Tests.Sampling;

public class TopSelectionTests
{
    [Fact]
    public void Largest_RandomRowsWithTies_AgreesWithSorting()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 300; trial++)
        {
            float[] row = [.. Enumerable.Range(0, 1 + random.Next(200)).Select(_ => (float)random.Next(1 + random.Next(40)))];
            int wanted = 1 + random.Next(row.Length + 3);
            var indices = new int[wanted];

            int count = TopSelection.Largest(row, indices);

            Assert.Equal(Math.Min(wanted, row.Length), count);
            int[] expected = [.. Enumerable.Range(0, row.Length).OrderByDescending(i => row[i]).ThenBy(i => i).Take(count).Order()];
            Assert.Equal(expected, indices[..count].Order());
        }
    }

    [Fact]
    public void SmallestToMass_RandomWeightsWithTies_AgreesWithSorting()
    {
        var random = new Random(4);
        for (int trial = 0; trial < 300; trial++)
        {
            int length = 1 + random.Next(100);
            // Whole numbers, so that sums are exact in any order.
            float[] keys = [.. Enumerable.Range(0, length).Select(_ => (float)random.Next(12))];
            float[] weights = [.. Enumerable.Range(0, length).Select(_ => (float)(1 + random.Next(9)))];
            int[] ids = [.. Enumerable.Range(0, length)];
            double mass = random.NextDouble() * 1.1 * weights.Sum();
            int[] sorted = [.. ids.OrderBy(i => keys[i]).ThenBy(i => i)];
            double sum = 0;
            int expected = sorted.TakeWhile(i => (sum += weights[i]) < mass).Count() + 1;

            int count = TopSelection.SmallestToMass(keys, weights, ids, mass);

            Assert.Equal(Math.Min(expected, length), count);
            Assert.Equal(sorted[..count].Order(), ids[..count].Order());
        }
    }
}
