using System.Numerics;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Python's <c>None</c>.</summary>
internal sealed class NoneValue : TemplateValue
{
    private NoneValue()
    {
    }

    public static NoneValue Instance { get; } = new();

    public override string TypeName => "NoneType";

    public override string ObjectDescription => "None";

    public override bool IsTruthy => false;
}

/// <summary>Python's <c>True</c> and <c>False</c>, which are also the integers 1 and 0.</summary>
internal sealed class BoolValue : TemplateValue
{
    private BoolValue(bool value) => Value = value;

    public static BoolValue True { get; } = new(true);

    public static BoolValue False { get; } = new(false);

    public bool Value { get; }

    public override string TypeName => "bool";

    public override bool IsTruthy => Value;

    public static BoolValue Of(bool value) => value ? True : False;
}

/// <summary>Python's unbounded <c>int</c>; <see cref="Operators.Arithmetic"/> bounds its size.</summary>
internal sealed class IntValue(BigInteger value) : TemplateValue
{
    private static readonly IntValue[] Small = [.. Enumerable.Range(0, 256).Select(i => new IntValue(i))];

    public BigInteger Value { get; } = value;

    public override string TypeName => "int";

    public override bool IsTruthy => !Value.IsZero;

    public static IntValue Of(int value) => (uint)value < (uint)Small.Length ? Small[value] : new IntValue(value);

    public static IntValue Of(BigInteger value) =>
        value.Sign >= 0 && value < Small.Length ? Small[(int)value] : new IntValue(value);
}

/// <summary>Python's <c>float</c>.</summary>
internal sealed class FloatValue(double value) : TemplateValue
{
    public double Value { get; } = value;

    public override string TypeName => "float";

    public override bool IsTruthy => Value != 0;
}
