using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fathom.Memory.Tests;

[SupportedOSPlatform("linux")]
public sealed unsafe class ExecutableMemoryTests
{
    [SkippableFact]
    public void Create_Code_Runs()
    {
        Skip.IfNot(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "the code is x86-64's");
        using var memory = ExecutableMemory.Create([0xB8, 0x2A, 0x00, 0x00, 0x00, 0xC3]); // mov eax, 42; ret

        Assert.Equal(42, ((delegate* unmanaged<int>)memory.Pointer)());
    }

    [SkippableFact]
    public void Create_Pages_AreNeverWritableAndExecutable()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Linux's maps");
        using var memory = ExecutableMemory.Create([0xC3]);

        var line = File.ReadLines("/proc/self/maps").Single(l => l.StartsWith($"{(nint)memory.Pointer:x}-", StringComparison.Ordinal));
        Assert.Contains(" r-xp ", line, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Pointer_AfterDispose_IsRefused()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Linux only");
        var memory = ExecutableMemory.Create([0xC3]);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => (nint)memory.Pointer);
        Assert.Throws<ArgumentOutOfRangeException>(() => ExecutableMemory.Create([]));
    }
}
