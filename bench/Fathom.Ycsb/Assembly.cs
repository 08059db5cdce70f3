using System.Runtime.InteropServices;

// Imports resolve to libraries that the benchmark loaded by name or path; nothing is searched beside the assembly.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
