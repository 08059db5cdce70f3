using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using Fathom.Arm64Tests;
using Fathom.Kernels.Tests;

Console.WriteLine($"{RuntimeInformation.ProcessArchitecture}, AdvSimd {AdvSimd.Arm64.IsSupported}, dot product {Dp.IsSupported}");
var (passed, failed, skipped) = (0, 0, 0);
foreach (var test in KernelTest.In(typeof(InstructionSetTests).Assembly).Where(test => args.Length == 0 || args.Any(test.Name.Contains)))
{
    try
    {
        await test.RunAsync();
        passed++;
    }
    catch (SkipException reason)
    {
        skipped++;
        Console.WriteLine($"skipped {test.Name}: {reason.Message}");
    }
    catch (Exception failure)
    {
        // The boundary of a test: whatever it was, the test failed.
        failed++;
        Console.WriteLine($"FAILED {test.Name}\n{failure}");
    }
}
Console.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
return failed == 0 && passed > 0 ? 0 : 1;
