namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>Reads the <c>post_processor</c> of a tokenizer.json: the special tokens around a single text.</summary>
internal static class SpecialTokenTemplate
{
    private const int TokensMax = 1024;

    /// <returns>Token ids before and behind the text.</returns>
    public static (int[] Before, int[] After) Read(JsonField? field, string?[] texts)
    {
        var before = new List<int>();
        var after = new List<int>();
        if (field is { } present)
            Add(present, texts, before, after);
        return ([.. before], [.. after]);
    }

    private static void Add(JsonField field, string?[] texts, List<int> before, List<int> after)
    {
        var kind = field.Need("type").Text();
        switch (kind)
        {
            case "Sequence":
                foreach (var item in field.Need("processors").Items())
                    Add(item, texts, before, after);
                break;
            case "ByteLevel":
                // Only moves offsets, which are not kept here.
                break;
            case "BertProcessing" or "RobertaProcessing":
                before.Insert(0, Named(field.Need("cls"), texts));
                after.Add(Named(field.Need("sep"), texts));
                break;
            case "TemplateProcessing":
                AddTemplate(field, texts, before, after);
                break;
            default:
                throw field.Bad("type", $"post-processor '{kind}' is not known");
        }
    }

    /// <summary>["[SEP]", 102].</summary>
    private static int Named(JsonField field, string?[] texts) =>
        field.Items() is [_, var id] ? Known(id, texts) : throw field.Mistyped("an array of token and id");

    private static void AddTemplate(JsonField field, string?[] texts, List<int> before, List<int> after)
    {
        var specials = new Dictionary<string, int[]>(StringComparer.Ordinal);
        if (field.Find("special_tokens") is { } tokens)
        {
            foreach (var (name, value) in tokens.Members())
                specials[name] = [.. tokens.Member(name, value).Need("ids").Items().Select(i => Known(i, texts))];
        }

        var single = field.Need("single");
        var (lead, trail) = (new List<int>(), new List<int>());
        var sequences = 0;
        foreach (var piece in single.Items())
        {
            if (before.Count + after.Count + lead.Count + trail.Count > TokensMax)
                throw single.Bad($"adds more than {TokensMax} tokens to every text");
            if (piece.Find("SpecialToken") is { } special)
            {
                var id = special.Need("id");
                (sequences == 0 ? lead : trail).AddRange(
                    specials.GetValueOrDefault(id.Text()) ?? throw id.Bad($"'{id.Text()}' is not among special_tokens"));
            }
            else if (piece.Find("Sequence") is { } sequence && sequence.Need("id").Text() == "A")
            {
                sequences++;
            }
            else
            {
                throw piece.Bad("is neither a SpecialToken nor Sequence A");
            }
        }

        if (sequences != 1)
            throw single.Bad($"holds the text {sequences} times");
        before.InsertRange(0, lead);
        after.AddRange(trail);
    }

    private static int Known(JsonField field, string?[] texts)
    {
        var id = field.Whole(int.MaxValue);
        return id < texts.Length && texts[id] is not null ? id : throw field.Bad($"id {id} is no token of the vocabulary");
    }
}
