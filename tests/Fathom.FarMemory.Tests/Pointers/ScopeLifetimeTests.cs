using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Tests.Pointers;

/// <summary>What the compiler must reject: the snippets go through the C# compiler of the SDK these tests run with.</summary>
public partial class ScopeLifetimeTests
{
    private const string Frame = """
        using System;
        using System.Threading.Tasks;
        using Fathom.FarMemory.Heap;
        using Fathom.FarMemory.Pointers;
        class Snippet#
        {
            @
        }
        """;

    [SkippableFact]
    public void Deref_WithinItsScope_Compiles() => Assert.Empty(Compile("""
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

    [SkippableFact]
    public void Deref_BeyondItsScope_IsRejected()
    {
        (string Snippet, string[] AnyOf)[] cases =
        [
            ("""
            static ref int ReferenceReturned(FarHeap heap, RemoteUnique<int> pointer)
            {
                using var scope = heap.EnterScope();
                return ref pointer.Deref(scope);
            }
            """, ["CS8168", "CS8347", "CS8352"]),
            ("""
            static void ReferenceKept(FarHeap heap, RemoteUnique<int> pointer)
            {
                int other = 0;
                ref int kept = ref other;
                using (var scope = heap.EnterScope())
                    kept = ref pointer.Deref(scope);
                kept++;
            }
            """, ["CS8374", "CS8347", "CS8168"]),
            ("""
            static Span<byte> SpanReturned(FarHeap heap, RemoteBytes bytes)
            {
                using var scope = heap.EnterScope();
                return bytes.Deref(scope);
            }
            """, ["CS8352", "CS8347", "CS8168"]),
            ("""
            static ref int ElementReturned(FarHeap heap, Fathom.FarMemory.Containers.FarArray<int> array)
            {
                using var scope = heap.EnterScope();
                return ref array.At(0, scope);
            }
            """, ["CS8168", "CS8347", "CS8352"]),
        ];
        var errors = Compile([.. cases.Select(c => c.Snippet)]);
        for (var i = 0; i < cases.Length; i++)
        {
            var found = errors.Where(e => e.Snippet == i).Select(e => e.Code).ToList();
            Assert.True(found.Intersect(cases[i].AnyOf).Any(), $"{cases[i].Snippet}: the compiler said [{string.Join(' ', found)}]");
        }
    }

    [SkippableFact]
    public void Declarations_OfStoredScopesAndManagedObjects_AreRejected()
    {
        var errors = Compile("DerefScope _scope;", "static RemoteUnique<string> Managed() => default;");
        Assert.Contains((0, "CS8345"), errors);
        Assert.Contains(errors, e => e is (1, "CS8377" or "CS0306"));
    }

    [SkippableFact]
    public void Scope_HeldAcrossAwait_IsRejected() => Assert.Contains((0, "CS4007"), Compile("""
        static async Task Leak(FarHeap heap, RemoteUnique<int> pointer)
        {
            using var scope = heap.EnterScope();
            await Task.Yield();
            pointer.Deref(scope)++;
        }
        """));

    /// <summary>Compiles snippets together against the library; the errors of each, by its index.</summary>
    private static List<(int Snippet, string Code)> Compile(params string[] snippets)
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
            var sources = snippets.Select((snippet, i) => Path.Combine(folder.FullName, $"snippet{i}.cs")).ToArray();
            for (var i = 0; i < snippets.Length; i++)
                File.WriteAllText(sources[i], Frame.Replace("#", $"{i}", StringComparison.Ordinal).Replace("@", snippets[i], StringComparison.Ordinal));
            var start = new ProcessStartInfo(Path.Combine(sdks, "..", "dotnet")) { RedirectStandardOutput = true };
            string[] arguments =
            [
                compiler!, "-nologo", "-target:library", "-langversion:latest", $"-out:{Path.Combine(folder.FullName, "snippets.dll")}",
                $"-r:{typeof(DerefScope).Assembly.Location}", .. sources,
                .. new[] { "System.Private.CoreLib", "System.Runtime" }.Select(name => $"-r:{Path.Combine(runtime, name + ".dll")}"),
            ];
            foreach (var argument in arguments)
                start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEnd();
            Assert.True(process.WaitForExit(60_000));
            var errors = ErrorLine().Matches(output).Select(m => (int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture), m.Groups[2].Value)).ToList();
            Assert.True(errors.Count > 0 == (process.ExitCode != 0), output);
            return errors;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [GeneratedRegex(@"snippet(\d+)\.cs\(\d+,\d+\): error (CS\d+)")]
    private static partial Regex ErrorLine();
}
