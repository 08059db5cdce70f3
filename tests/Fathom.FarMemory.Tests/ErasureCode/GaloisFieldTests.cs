using Fathom.FarMemory.ErasureCode;

namespace Fathom.FarMemory.Tests.ErasureCode;

public class GaloisFieldTests
{
    [Fact]
    public void Multiply_AllPairs_EqualsPolynomialProduct()
    {
        for (var a = 0; a < 256; a++)
        {
            for (var b = 0; b < 256; b++)
                Assert.Equal(ShardSet.SlowMultiply((byte)a, (byte)b), GaloisField.Multiply((byte)a, (byte)b));
        }
    }

    [Fact]
    public void Invert_EveryNonZeroValue_GivesOneWhenMultiplied()
    {
        for (var a = 1; a < 256; a++)
            Assert.Equal(1, GaloisField.Multiply((byte)a, GaloisField.Invert((byte)a)));
    }

    [Fact]
    public void Invert_Zero_Throws() => Assert.Throws<DivideByZeroException>(() => GaloisField.Invert(0));

    [Fact]
    public void InvertMatrix_Singular_ReturnsFalse()
    {
        byte[] matrix = [1, 2, 1, 2];
        Assert.False(GaloisField.Invert(matrix, new byte[4], 2));
    }
}
