using Fathom.Models.ChatTemplates.Evaluation;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary><c>namespace()</c>: the one thing an inner scope may change for an outer one.</summary>
internal sealed class NamespaceValue(DictValue attributes) : TemplateValue
{
    public DictValue Attributes { get; } = attributes;

    public override string TypeName => "Namespace";

    public override string ObjectDescription => "jinja2.utils.Namespace object";

    public override TemplateValue? FindAttribute(string name) =>
        Attributes.Entries.TryGetValue(new StringValue(name), out var value) ? value : null;
}

/// <summary><c>cycler('a', 'b')</c>.</summary>
internal sealed class CyclerValue(IReadOnlyList<TemplateValue> items) : TemplateValue
{
    private int _position;

    public override string TypeName => "Cycler";

    public override string ObjectDescription => "jinja2.utils.Cycler object";

    public override TemplateValue? FindAttribute(string name) => name switch
    {
        "current" => items[_position],
        "next" => new BoundMethodValue<CyclerValue>(this, name, (self, _, arguments) =>
        {
            arguments.BindNothing();
            return self.Next();
        }),
        "reset" => new BoundMethodValue<CyclerValue>(this, name, (self, _, arguments) =>
        {
            arguments.BindNothing();
            self._position = 0;
            return NoneValue.Instance;
        }),
        _ => null,
    };

    private TemplateValue Next()
    {
        var item = items[_position];
        _position = (_position + 1) % items.Count;
        return item;
    }
}

/// <summary><c>joiner(', ')</c>: nothing on the first call, the separator on every later one.</summary>
internal sealed class JoinerValue(TemplateValue separator) : TemplateValue
{
    private bool _used;

    public override string TypeName => "Joiner";

    public override string ObjectDescription => "jinja2.utils.Joiner object";

    public override bool IsCallable => true;

    public override TemplateValue Call(RenderContext context, Arguments arguments)
    {
        arguments.BindNothing();
        if (_used)
            return separator;
        _used = true;
        return StringValue.Empty;
    }
}
