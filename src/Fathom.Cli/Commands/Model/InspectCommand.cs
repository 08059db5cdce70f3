using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Models.Gguf;
using Fathom.Models.SafeTensors;
using Spectre.Console;

namespace Fathom.Cli.Commands.Model;

/// <summary>`fathom model inspect`: what a model file holds, without reading its weights.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> ModelPath = new("PATH") { Description = "A GGUF file, a Hugging Face folder, or builtin." };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object: format, metadata, tensors." };

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "inspect", "Shows what a model file holds.", "fathom model inspect model.gguf --json", [ModelPath, Json], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var path = ModelSource.Resolve(invocation.Options.GetRequiredValue(ModelPath));
        var report = Directory.Exists(path) ? InspectFolder(path) : InspectGguf(path);
        if (invocation.Options.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            WriteTable(invocation.Terminal.Output, report);
        return Task.CompletedTask;
    }

    private static InspectReport InspectGguf(string path)
    {
        using var file = GgufFile.Open(path);
        file.Metadata.TryGetString("general.architecture", out var architecture);
        file.Metadata.TryGetString("general.name", out var name);
        return new InspectReport
        {
            Path = path,
            Format = $"GGUF v{file.Version.ToString(CultureInfo.InvariantCulture)}",
            Architecture = architecture,
            Name = name,
            Bytes = file.Bytes,
            Metadata = file.Metadata.Keys.ToDictionary(key => key, object? (key) => MetadataContent.Of(file.Metadata[key])),
            Tensors = [.. file.Tensors.Select(tensor => new TensorReport(tensor.Name, tensor.Type.ToString().ToLowerInvariant(), tensor.Shape, tensor.Offset, tensor.Bytes))],
        };
    }

    private static InspectReport InspectFolder(string path)
    {
        using var model = SafeTensorsModel.Open(path);
        var tensors = model.Names.Order(StringComparer.Ordinal)
            .Select(name => model.TryGetTensor(name, out var tensor) ? tensor : throw new CommandException($"{path}: tensor {name} vanished."))
            .ToList();
        var config = MetadataContent.OfConfig(Path.Combine(path, "config.json"));
        return new InspectReport
        {
            Path = path,
            Format = "safetensors",
            Architecture = config.GetValueOrDefault("model_type")?.ToString(),
            Name = Path.GetFileName(path),
            Bytes = tensors.Sum(tensor => tensor.Bytes),
            Metadata = config,
            Tensors = [.. tensors.Select(tensor => new TensorReport(tensor.Name, tensor.ElementType.ToLowerInvariant(), tensor.Shape, tensor.Offset, tensor.Bytes))],
        };
    }

    private static void WriteTable(TextWriter output, InspectReport report)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        output.WriteLine($"{report.Path}: {report.Format}, {report.Architecture ?? "no architecture"}, {report.Parameters:N0} parameters, {ByteSize.Format(report.Bytes)}");
        foreach (var (key, value) in report.Metadata)
            output.WriteLine($"  {key} = {MetadataContent.Show(value)}");
        var table = new Table().Border(TableBorder.Simple).AddColumns("tensor", "type", "shape", "size");
        foreach (var tensor in report.Tensors)
            table.AddRow(Markup.Escape(tensor.Name), tensor.Type, string.Join(" x ", tensor.Shape), ByteSize.Format(tensor.Bytes));
        console.Write(table);
    }
}
