using System.Runtime.CompilerServices;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests;

public class KvBlockKeyTests
{
    [Fact]
    public void Key_InMemory_IsSixteenBytes() => Assert.Equal(KvBlockKey.Bytes, Unsafe.SizeOf<KvBlockKey>());
}
