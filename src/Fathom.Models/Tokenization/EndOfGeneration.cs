namespace Fathom.Models.Tokenization;

/// <summary>Spellings that end a turn, a message or a text in the models known today: files often name only one of several.</summary>
/// <remarks>Source: the list in llama.cpp's vocabulary loader.</remarks>
internal static class EndOfGeneration
{
    private static readonly HashSet<string> Spellings = new(StringComparer.Ordinal)
    {
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>",
        "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>",
        "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
    };

    public static bool IsSpelling(string token) => Spellings.Contains(token);

    /// <summary>Takes out what some families use in the middle of a turn.</summary>
    /// <param name="ends">Ids that end generation, by their spelling.</param>
    /// <param name="find">Id of a spelling.</param>
    public static void DropInnerMarkers(HashSet<int> ends, Func<string, int?> find)
    {
        bool Ends(string spelling) => find(spelling) is { } id && ends.Contains(id);

        // gpt-oss and solar-open close each channel with <|end|> and the turn with one of the others.
        var harmony = (Ends("<|return|>") && (Ends("<|call|>") || Ends("<|calls|>"))) || ((Ends("<|call|>") || Ends("<|calls|>")) && Ends("<|flush|>"));
        if (harmony && find("<|end|>") is { } end)
            ends.Remove(end);
        if (Ends("<|tool_response>") && find("</s>") is { } strike)
            ends.Remove(strike);
    }
}
