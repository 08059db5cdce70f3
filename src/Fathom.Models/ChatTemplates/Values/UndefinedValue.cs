using Fathom.Models.ChatTemplates.Evaluation;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>
/// Jinja's default undefined: prints as nothing, is false, empty and equal to its like; any other use fails with the
/// reason it is undefined.
/// </summary>
internal sealed class UndefinedValue : TemplateValue
{
    private readonly string? _hint;
    private readonly string? _variable;
    private readonly TemplateValue? _owner;
    private readonly TemplateValue? _key;

    private UndefinedValue(string? hint, string? variable)
    {
        _hint = hint;
        _variable = variable;
    }

    public UndefinedValue(TemplateValue owner, TemplateValue key)
    {
        _owner = owner;
        _key = key;
    }

    public static UndefinedValue Variable(string name) => new(null, name);

    public static UndefinedValue Because(string hint) => new(hint, null);

    public override string TypeName => "Undefined";

    public override string ObjectDescription => "jinja2.runtime.Undefined object";

    public override bool IsTruthy => false;

    public override int? Length => 0;

    public override bool IsCallable => true;

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget) => [];

    public override TemplateValue GetAttribute(string name, RenderBudget budget) => throw Fault(budget);

    public override TemplateValue GetItem(TemplateValue key, RenderBudget budget) => throw Fault(budget);

    public override TemplateValue Call(RenderContext context, Arguments arguments) => throw Fault(context.Budget);

    /// <summary>The message is only worked out when the value is misused: most undefined values are merely tested.</summary>
    public TemplateFault Fault(RenderBudget budget)
    {
        if (_hint is not null)
            return TemplateFault.Evaluation(_hint);
        if (_variable is not null)
            return TemplateFault.Evaluation($"'{_variable}' is undefined");
        if (_key is StringValue)
            return TemplateFault.Evaluation($"'{_owner!.ObjectDescription}' has no attribute {ValueText.Repr(_key, budget)}");
        return TemplateFault.Evaluation($"{_owner!.ObjectDescription} has no element {ValueText.Repr(_key!, budget)}");
    }
}
