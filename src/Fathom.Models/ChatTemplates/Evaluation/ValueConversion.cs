using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>Copies what the caller hands in into values of the template language, as Python's <c>json.loads</c> would.</summary>
internal sealed class ValueConversion(RenderContext context)
{
    public TemplateValue FromJson(JsonNode? node)
    {
        RenderBudget.CheckStack();
        context.Budget.Charge(1);
        switch (node)
        {
            case null:
                return NoneValue.Instance;
            case JsonArray array:
                var items = new List<TemplateValue>(array.Count);
                foreach (var item in array)
                    items.Add(FromJson(item));
                return new ListValue(items);
            case JsonObject properties:
                var dict = context.NewDict();
                foreach (var (name, value) in properties)
                    dict.Set(new StringValue(name), FromJson(value), context.Budget);
                return dict;
            default:
                return FromScalar(node);
        }
    }

    public TemplateValue FromClr(object? value)
    {
        RenderBudget.CheckStack();
        context.Budget.Charge(1);
        switch (value)
        {
            case null:
                return NoneValue.Instance;
            case JsonNode node:
                return FromJson(node);
            case JsonElement element:
                return FromElement(element);
            case string text:
                return new StringValue(text);
            case bool boolean:
                return BoolValue.Of(boolean);
            case sbyte or byte or short or ushort or int or uint or long:
                return IntValue.Of(Convert.ToInt64(value, CultureInfo.InvariantCulture));
            case ulong number:
                return IntValue.Of(number);
            case BigInteger number:
                return Numbers.Bounded(number);
            case float or double or decimal:
                return new FloatValue(Convert.ToDouble(value, CultureInfo.InvariantCulture));
            case IDictionary entries:
                return FromEntries(entries);
            case IEnumerable<KeyValuePair<string, object?>> entries:
                var dict = context.NewDict();
                foreach (var (name, item) in entries)
                    dict.Set(new StringValue(name), FromClr(item), context.Budget);
                return dict;
            case IEnumerable sequence:
                var items = new List<TemplateValue>();
                foreach (var item in sequence)
                    items.Add(FromClr(item));
                return new ListValue(items);
            default:
                throw new TemplateFault(ChatTemplateErrorKind.Input, $"a variable of type {value.GetType().Name} cannot be passed to a template.");
        }
    }

    private DictValue FromEntries(IDictionary entries)
    {
        var dict = context.NewDict();
        foreach (DictionaryEntry entry in entries)
        {
            if (entry.Key is not string name)
                throw new TemplateFault(ChatTemplateErrorKind.Input, $"a dictionary with keys of type {entry.Key.GetType().Name} cannot be passed to a template.");
            dict.Set(new StringValue(name), FromClr(entry.Value), context.Budget);
        }
        return dict;
    }

    private TemplateValue FromElement(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => FromJson(JsonArray.Create(element)),
        JsonValueKind.Object => FromJson(JsonObject.Create(element)),
        JsonValueKind.Null or JsonValueKind.Undefined => NoneValue.Instance,
        _ => FromScalar(JsonValue.Create(element)!),
    };

    private static TemplateValue FromScalar(JsonNode node)
    {
        switch (node.GetValueKind())
        {
            case JsonValueKind.String:
                return new StringValue(ReadText(node));
            case JsonValueKind.True:
                return BoolValue.True;
            case JsonValueKind.False:
                return BoolValue.False;
            case JsonValueKind.Number:
                return FromNumber(node.ToJsonString());
            case JsonValueKind.Null:
                return NoneValue.Instance;
            default:
                throw new TemplateFault(ChatTemplateErrorKind.Input, $"a JSON value of type {node.GetType().Name} cannot be passed to a template.");
        }
    }

    private static string ReadText(JsonNode node)
    {
        try
        {
            return node.GetValue<string>();
        }
        catch (InvalidOperationException)
        {
            // Not UTF-16: an escaped surrogate without its partner.
            throw new TemplateFault(ChatTemplateErrorKind.Input, "a string holds half of a surrogate pair.");
        }
    }

    private static TemplateValue FromNumber(string literal)
    {
        if (Numbers.TryParseInteger(literal, 10, out var integer))
            return IntValue.Of(integer);
        return double.TryParse(literal, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            ? new FloatValue(real)
            : throw new TemplateFault(ChatTemplateErrorKind.Input, "a JSON number cannot be read.");
    }
}
