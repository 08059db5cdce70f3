using System.Globalization;

namespace Fathom.Models.Tokenization.Patterns;

/// <summary>The Unicode properties that tokenizer patterns name, as sets.</summary>
internal static class UnicodeProperties
{
    private static readonly Lazy<UnicodeSet[]> Categories = new(BuildCategories);
    private static readonly Lazy<Dictionary<string, UnicodeSet>> Names = new(BuildNames);

    /// <summary>The White_Space property: what \s means in Oniguruma and is_whitespace in Rust.</summary>
    public static UnicodeSet WhiteSpace { get; } = UnicodeSet.Ranges(
        0x9, 0xD, 0x20, 0x20, 0x85, 0x85, 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000);

    /// <summary>What \w means in Oniguruma outside classes: \p{Word}, and the six numbers of Latin-1 that its table of bytes counts in.</summary>
    public static UnicodeSet OnigurumaWord { get; } = Named("Word").Union(UnicodeSet.Of(0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE));

    /// <summary>What \w means in Rust's regex: \p{Word} and the two joiners.</summary>
    public static UnicodeSet RustWord { get; } = Named("Word").Union(UnicodeSet.Of(0x200C, 0x200D));

    /// <summary>One general category.</summary>
    public static UnicodeSet Of(UnicodeCategory category) => Categories.Value[(int)category];

    /// <summary>A property that must be known here.</summary>
    public static UnicodeSet Named(string name) => Names.Value[Key(name)];

    /// <summary>A property by short or long name, whatever its case, spaces, dashes and underscores.</summary>
    public static bool TryGet(string name, out UnicodeSet set)
    {
        var found = Names.Value.TryGetValue(Key(name), out var value);
        set = value ?? UnicodeSet.Empty;
        return found;
    }

    private static string Key(string name) =>
        string.Concat(name.Where(c => c is not (' ' or '-' or '_'))).ToLowerInvariant();

    private static UnicodeSet[] BuildCategories()
    {
        var edges = new List<int>[30];
        for (var i = 0; i < edges.Length; i++)
            edges[i] = [];
        var current = -1;
        for (var codePoint = 0; codePoint < 0x110000; codePoint++)
        {
            var category = (int)CharUnicodeInfo.GetUnicodeCategory(codePoint);
            if (category == current)
                continue;
            if (current >= 0)
                edges[current].Add(codePoint);
            edges[category].Add(codePoint);
            current = category;
        }

        edges[current].Add(0x110000);
        return Array.ConvertAll(edges, UnicodeSet.FromEdges);
    }

    private static Dictionary<string, UnicodeSet> BuildNames()
    {
        (string Short, string Long, UnicodeCategory Category)[] categories =
        [
            ("Lu", "Uppercase_Letter", UnicodeCategory.UppercaseLetter), ("Ll", "Lowercase_Letter", UnicodeCategory.LowercaseLetter),
            ("Lt", "Titlecase_Letter", UnicodeCategory.TitlecaseLetter), ("Lm", "Modifier_Letter", UnicodeCategory.ModifierLetter),
            ("Lo", "Other_Letter", UnicodeCategory.OtherLetter), ("Mn", "Nonspacing_Mark", UnicodeCategory.NonSpacingMark),
            ("Mc", "Spacing_Mark", UnicodeCategory.SpacingCombiningMark), ("Me", "Enclosing_Mark", UnicodeCategory.EnclosingMark),
            ("Nd", "Decimal_Number", UnicodeCategory.DecimalDigitNumber), ("Nl", "Letter_Number", UnicodeCategory.LetterNumber),
            ("No", "Other_Number", UnicodeCategory.OtherNumber), ("Pc", "Connector_Punctuation", UnicodeCategory.ConnectorPunctuation),
            ("Pd", "Dash_Punctuation", UnicodeCategory.DashPunctuation), ("Ps", "Open_Punctuation", UnicodeCategory.OpenPunctuation),
            ("Pe", "Close_Punctuation", UnicodeCategory.ClosePunctuation), ("Pi", "Initial_Punctuation", UnicodeCategory.InitialQuotePunctuation),
            ("Pf", "Final_Punctuation", UnicodeCategory.FinalQuotePunctuation), ("Po", "Other_Punctuation", UnicodeCategory.OtherPunctuation),
            ("Sm", "Math_Symbol", UnicodeCategory.MathSymbol), ("Sc", "Currency_Symbol", UnicodeCategory.CurrencySymbol),
            ("Sk", "Modifier_Symbol", UnicodeCategory.ModifierSymbol), ("So", "Other_Symbol", UnicodeCategory.OtherSymbol),
            ("Zs", "Space_Separator", UnicodeCategory.SpaceSeparator), ("Zl", "Line_Separator", UnicodeCategory.LineSeparator),
            ("Zp", "Paragraph_Separator", UnicodeCategory.ParagraphSeparator), ("Cc", "Control", UnicodeCategory.Control),
            ("Cf", "Format", UnicodeCategory.Format), ("Cs", "Surrogate", UnicodeCategory.Surrogate),
            ("Co", "Private_Use", UnicodeCategory.PrivateUse), ("Cn", "Unassigned", UnicodeCategory.OtherNotAssigned),
        ];
        (string Short, string Long)[] groups =
            [("L", "Letter"), ("M", "Mark"), ("N", "Number"), ("P", "Punctuation"), ("S", "Symbol"), ("Z", "Separator"), ("C", "Other")];

        var names = new Dictionary<string, UnicodeSet>(StringComparer.Ordinal);
        foreach (var (shortName, longName, category) in categories)
            names[Key(shortName)] = names[Key(longName)] = Of(category);
        foreach (var (shortName, longName) in groups)
        {
            var members = categories.Where(c => c.Short[0] == shortName[0]).Select(c => Of(c.Category));
            names[Key(shortName)] = names[Key(longName)] = members.Aggregate((a, b) => a.Union(b));
        }

        UnicodeSet Union(params ReadOnlySpan<string> parts)
        {
            var set = UnicodeSet.Empty;
            foreach (var part in parts)
                set = set.Union(names[part]);
            return set;
        }

        names["lc"] = names["l&"] = names["casedletter"] = Union("lu", "ll", "lt");
        // Circled and squared letters are symbols that Unicode calls alphabetic.
        var alphabeticSymbols = UnicodeSet.Ranges(0x24B6, 0x24E9, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189);
        names["word"] = Union("l", "m", "nd", "nl", "pc").Union(alphabeticSymbols);
        names["space"] = names["whitespace"] = WhiteSpace;
        names["digit"] = names["nd"];
        names["punct"] = names["p"];
        names["any"] = UnicodeSet.All;
        names["ascii"] = UnicodeSet.Range(0, 0x7F);
        names["han"] = UnicodeSet.Ranges(
            0x2E80, 0x2E99, 0x2E9B, 0x2EF3, 0x2F00, 0x2FD5, 0x3005, 0x3005, 0x3007, 0x3007, 0x3021, 0x3029, 0x3038, 0x303B, 0x3400, 0x4DBF,
            0x4E00, 0x9FFF, 0xF900, 0xFA6D, 0xFA70, 0xFAD9, 0x16FE2, 0x16FE3, 0x16FF0, 0x16FF1, 0x20000, 0x2A6DF, 0x2A700, 0x2B739,
            0x2B740, 0x2B81D, 0x2B820, 0x2CEA1, 0x2CEB0, 0x2EBE0, 0x2F800, 0x2FA1D, 0x30000, 0x3134A, 0x31350, 0x323AF);
        return names;
    }
}
