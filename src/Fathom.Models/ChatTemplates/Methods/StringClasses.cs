using System.Globalization;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Methods;

/// <summary>The <c>is...</c> methods of Python's <c>str</c>; all are false for the empty string.</summary>
internal static class StringClasses
{
    public static bool IsAlpha(string text) => All(text, category => category <= UnicodeCategory.OtherLetter);

    public static bool IsDecimal(string text) => All(text, category => category == UnicodeCategory.DecimalDigitNumber);

    public static bool IsDigit(string text) => AllAt(text, i => CharUnicodeInfo.GetDigitValue(text, i) >= 0);

    public static bool IsNumeric(string text) => AllAt(text, i => CharUnicodeInfo.GetNumericValue(text, i) >= 0);

    public static bool IsAlphanumeric(string text) => AllAt(text, i =>
        CharUnicodeInfo.GetUnicodeCategory(text, i) <= UnicodeCategory.OtherLetter || CharUnicodeInfo.GetNumericValue(text, i) >= 0);

    public static bool IsSpace(string text) => AllAt(text, i => CodePointText.IsSpace(text[i]));

    public static bool IsUpper(string text) => HasOnlyCase(text, UnicodeCategory.UppercaseLetter);

    public static bool IsLower(string text) => HasOnlyCase(text, UnicodeCategory.LowercaseLetter);

    /// <summary>Upper case only where a run of letters starts, lower case only inside one.</summary>
    public static bool IsTitle(string text)
    {
        bool any = false, inWord = false;
        for (var i = 0; i < text.Length; i += CodePointText.UnitsAt(text, i))
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(text, i);
            var starts = category is UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter;
            var continues = category == UnicodeCategory.LowercaseLetter;
            if ((starts && inWord) || (continues && !inWord))
                return false;
            inWord = starts || continues;
            any |= inWord;
        }
        return any;
    }

    public static bool IsIdentifier(string text) => text.Length > 0 && (text[0] == '_' || (PythonText.IsWord(text, 0)
        && CharUnicodeInfo.GetUnicodeCategory(text, 0) is not (UnicodeCategory.DecimalDigitNumber or UnicodeCategory.OtherNumber)))
        && AllAt(text, i => PythonText.IsWord(text, i) || CharUnicodeInfo.GetUnicodeCategory(text, i)
            is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation);

    private static bool All(string text, Func<UnicodeCategory, bool> test) =>
        AllAt(text, i => test(CharUnicodeInfo.GetUnicodeCategory(text, i)));

    private static bool AllAt(string text, Func<int, bool> test)
    {
        for (var i = 0; i < text.Length; i += CodePointText.UnitsAt(text, i))
        {
            if (!test(i))
                return false;
        }
        return text.Length > 0;
    }

    private static bool HasOnlyCase(string text, UnicodeCategory wanted)
    {
        var any = false;
        for (var i = 0; i < text.Length; i += CodePointText.UnitsAt(text, i))
        {
            if (!PythonText.IsCased(text, i))
                continue;
            if (CharUnicodeInfo.GetUnicodeCategory(text, i) != wanted)
                return false;
            any = true;
        }
        return any;
    }
}
