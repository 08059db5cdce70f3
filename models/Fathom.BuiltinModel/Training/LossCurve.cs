using System.Globalization;
using System.Text;

namespace Fathom.BuiltinModel.Training;

/// <summary>The record of a run as a file of comma-separated lines, and its drawing.</summary>
internal static class LossCurve
{
    public const string Header = "step,loss,norm,learning_rate,tokens_per_s,held_out_loss,answer_loss,answers_right";
    private const int Width = 720, Height = 320, Left = 48, Right = 16, Top = 28, Bottom = 36;

    /// <summary>Begins a record, or cuts one after the step that training goes on from.</summary>
    public static void Begin(string path, int step)
    {
        string[] kept = step > 0 && File.Exists(path) ? [.. File.ReadAllLines(path).Skip(1).Where(line => Step(line) <= step)] : [];
        File.WriteAllLines(path, [Header, .. kept]);
    }

    /// <summary>Draws training and held-out loss over the steps, with a logarithmic loss axis.</summary>
    public static string Draw(IReadOnlyList<string> lines)
    {
        var training = new List<(int Step, double Loss)>();
        var heldOut = new List<(int Step, double Loss)>();
        var answers = new List<(int Step, double Loss)>();
        foreach (string line in lines.Skip(1))
        {
            string[] cells = line.Split(',');
            training.Add((Step(line), Number(cells[1])));
            if (cells.Length <= 6)
                continue;
            heldOut.Add((Step(line), Number(cells[5])));
            answers.Add((Step(line), Number(cells[6])));
        }

        double steps = training[^1].Step;
        double low = Math.Log(training.Concat(heldOut).Concat(answers).Min(p => p.Loss)), high = Math.Log(training.Max(p => p.Loss));
        string Path(List<(int Step, double Loss)> points) => string.Join(' ', points.Select(p => string.Create(
            CultureInfo.InvariantCulture,
            $"{Left + (p.Step / steps * (Width - Left - Right)):F1},{Y(p.Loss, low, high):F1}")));

        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="12">""");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<rect width="{Width}" height="{Height}" fill="#ffffff"/>""");
        foreach (double mark in (double[])[0.1, 0.2, 0.5, 1, 2, 5])
        {
            if (Math.Log(mark) < low || Math.Log(mark) > high)
                continue;
            double y = Y(mark, low, high);
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<line x1="{Left}" y1="{y:F1}" x2="{Width - Right}" y2="{y:F1}" stroke="#dddddd"/><text x="{Left - 8}" y="{y + 4:F1}" text-anchor="end" fill="#555555">{mark}</text>""");
        }

        for (int part = 0; part <= 4; part++)
        {
            double x = Left + (part / 4.0 * (Width - Left - Right));
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{x:F1}" y="{Height - 14}" text-anchor="middle" fill="#555555">{steps * part / 4:F0}</text>""");
        }

        Series(svg, Path(training), "#9bb8d8", "training loss (answers count twice)", 0);
        Series(svg, Path(heldOut), "#1f4e8c", "held-out loss", 1);
        Series(svg, Path(answers), "#c05020", "held-out loss of answers", 2);
        svg.AppendLine("</svg>");
        return svg.ToString();
    }

    private static void Series(StringBuilder svg, string points, string colour, string name, int index)
    {
        int x = Left + 8 + (index * 240);
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>""");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<line x1="{x}" y1="14" x2="{x + 18}" y2="14" stroke="{colour}" stroke-width="2"/><text x="{x + 24}" y="18" fill="#333333">{name}</text>""");
    }

    private static double Y(double loss, double low, double high) => Top + ((high - Math.Log(loss)) / (high - low) * (Height - Top - Bottom));

    private static int Step(string line) => int.Parse(line.AsSpan(0, line.IndexOf(',', StringComparison.Ordinal)), CultureInfo.InvariantCulture);

    private static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
}
