using System.Diagnostics;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Tests.Pointers;

/// <summary>What the compiler must reject: each snippet goes through the C# compiler of the SDK these tests run with.</summary>
public class ScopeLifetimeTests
{
    private const string Frame = """
        using System;
        using System.Threading.Tasks;
        using Fathom.FarMemory.Heap;
        using Fathom.FarMemory.Pointers;
        class Snippet
        {
            @
        }
        """;

    [SkippableFact]
    public void Deref_WithinItsScope_Compiles() => Assert.Empty(Errors("""
        static int Use(FarHeap heap, RemoteUnique<int> pointer, RemoteBytes bytes)
        {
            using var scope = heap.EnterScope();
            ref int value = ref pointer.Deref(scope);
            Span<byte> room = bytes.Deref(scope);
            value += room[0];
            return Twice(ref value);
        }
        static int Twice(ref int value) => value *= 2;
        static ref int Within(RemoteUnique<int> pointer, in DerefScope scope) => ref pointer.Deref(scope);
        """));

    [SkippableTheory]
    [InlineData("a reference is returned past its scope", """
        static ref int Leak(FarHeap heap, RemoteUnique<int> pointer)
        {
            using var scope = heap.EnterScope();
            return ref pointer.Deref(scope);
        }
        """, "CS8168,CS8347,CS8352,CS8156,CS8157")]
    [InlineData("a reference is kept after its scope", """
        static void Leak(FarHeap heap, RemoteUnique<int> pointer)
        {
            int other = 0;
            ref int kept = ref other;
            using (var scope = heap.EnterScope())
                kept = ref pointer.Deref(scope);
            kept++;
        }
        """, "CS8374,CS8347,CS8168,CS8352")]
    [InlineData("a span is returned past its scope", """
        static Span<byte> Leak(FarHeap heap, RemoteBytes bytes)
        {
            using var scope = heap.EnterScope();
            return bytes.Deref(scope);
        }
        """, "CS8352,CS8347,CS8168")]
    [InlineData("an array's element is returned past its scope", """
        static ref int Leak(FarHeap heap, Fathom.FarMemory.Containers.FarArray<int> array)
        {
            using var scope = heap.EnterScope();
            return ref array.At(0, scope);
        }
        """, "CS8168,CS8347,CS8352")]
    [InlineData("a scope is stored in a field", "DerefScope _scope;", "CS8345")]
    [InlineData("a scope is held across await", """
        static async Task Leak(FarHeap heap, RemoteUnique<int> pointer)
        {
            using var scope = heap.EnterScope();
            await Task.Yield();
            pointer.Deref(scope)++;
        }
        """, "CS4007")]
    [InlineData("a scope is captured", """
        static Func<int> Leak(FarHeap heap, RemoteUnique<int> pointer)
        {
            using var scope = heap.EnterScope();
            return () => pointer.Deref(scope);
        }
        """, "CS8175,CS9108")]
    [InlineData("an object holds managed references", "static RemoteUnique<string> Leak() => default;", "CS8377,CS0306")]
    public void Deref_BeyondItsScope_IsRejected(string what, string snippet, string anyOf)
    {
        var errors = Errors(snippet);
        Assert.True(errors.Intersect(anyOf.Split(',')).Any(), $"{what}: the compiler said [{string.Join(' ', errors)}]");
    }

    /// <summary>Error codes of compiling a snippet against the library.</summary>
    private static List<string> Errors(string snippet)
    {
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var sdks = Path.GetFullPath(Path.Combine(runtime, "..", "..", "..", "sdk"));
        var compiler = Directory.Exists(sdks)
            ? Directory.EnumerateFiles(sdks, "csc.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        Skip.If(compiler is null, "The tests run without an SDK: there is no C# compiler.");
        var folder = Directory.CreateTempSubdirectory("fathom-scope");
        try
        {
            var source = Path.Combine(folder.FullName, "snippet.cs");
            File.WriteAllText(source, Frame.Replace("@", snippet, StringComparison.Ordinal));
            var start = new ProcessStartInfo(Path.Combine(sdks, "..", "dotnet")) { RedirectStandardOutput = true };
            string[] arguments =
            [
                compiler!, "-nologo", "-target:library", "-langversion:latest", $"-out:{Path.Combine(folder.FullName, "snippet.dll")}",
                $"-r:{typeof(DerefScope).Assembly.Location}", source,
                .. new[] { "System.Private.CoreLib", "System.Runtime" }.Select(name => $"-r:{Path.Combine(runtime, name + ".dll")}"),
            ];
            foreach (var argument in arguments)
                start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEnd();
            Assert.True(process.WaitForExit(60_000));
            var errors = output.Split('\n').Where(line => line.Contains(": error CS", StringComparison.Ordinal)).ToList();
            Assert.True(errors.Count > 0 == (process.ExitCode != 0), output);
            return [.. errors.Select(line => line[(line.IndexOf("error CS", StringComparison.Ordinal) + 6)..][..6]).Distinct()];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
