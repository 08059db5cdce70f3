using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands;

/// <summary>The --model option: a GGUF file, a Hugging Face folder, or the model that Fathom carries.</summary>
internal static class ModelSource
{
    public const string Builtin = "builtin";

    public static Setting<string?> Option { get; } =
        Settings.Text("--model", "PATH|builtin", "A GGUF file, a Hugging Face folder, or builtin.", Builtin);

    /// <summary>Path of the model that the option names.</summary>
    /// <exception cref="CommandException">Nothing is there.</exception>
    public static string Resolve(string? model)
    {
        var path = model is null or Builtin ? Path.Combine(AppContext.BaseDirectory, "fathom-builtin.gguf") : Path.GetFullPath(model);
        return File.Exists(path) || Directory.Exists(path) ? path : throw new CommandException($"--model: nothing at '{path}'.");
    }

    /// <summary>What the API calls the model: its file or folder name without the ending.</summary>
    public static string NameOf(string? model) =>
        model is null or Builtin ? Builtin : Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));
}
