using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tokenization.PreTokenization;

/// <summary>A part of a text on its way to the model.</summary>
/// <param name="Text">Text that holds the part.</param>
/// <param name="Start">Where the part begins, in UTF-16 units.</param>
/// <param name="Length">Its length.</param>
/// <param name="AtStart">It begins the whole text that is encoded.</param>
internal readonly record struct TextPiece(string Text, int Start, int Length, bool AtStart)
{
    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);

    public TextPiece Slice(int start, int end) => this with { Start = Start + start, Length = end - start, AtStart = AtStart && start == 0 };

    public TextPiece With(string text) => new(text, 0, text.Length, AtStart);
}

/// <summary>One step that cuts pieces into smaller ones; it may rewrite them, too.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Gives the parts of a piece, in order, to <see cref="PieceFlow.Forward"/>.</summary>
    public abstract void Split(TextPiece piece, PieceFlow flow, int next);
}

/// <summary>Carries pieces through the steps and, behind the last, into the model. For one text.</summary>
internal sealed class PieceFlow(PreTokenizer[] steps, IWordModel model, EncodeScratch scratch, List<int> output)
{
    public EncodeScratch Scratch => scratch;

    /// <summary>Hands a piece to a step; empty pieces vanish.</summary>
    public void Forward(TextPiece piece, int step)
    {
        if (piece.Length == 0)
            return;
        if (step == steps.Length)
            WordSplitting.EncodeMetaspaced(piece.Span, model, scratch, output);
        else
            steps[step].Split(piece, this, step + 1);
    }
}
