using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>The <c>loop</c> variable: a cursor over the iterable that can look one element ahead.</summary>
/// <remarks>The source is advanced only as far as the template asks, so one-pass iterators behave as in Jinja.</remarks>
internal sealed class LoopValue : TemplateValue, IDisposable
{
    private readonly TemplateValue? _sized;
    private readonly IEnumerator<TemplateValue> _source;
    private readonly Func<TemplateValue, int, TemplateValue>? _recurse;
    private readonly RenderBudget _budget;
    private readonly int _depth0;
    private readonly Queue<TemplateValue> _ahead = new();
    private TemplateValue? _previous;
    private TemplateValue? _current;
    private TemplateValue? _lastChanged;
    private int? _length;
    private int _index0 = -1;

    /// <param name="sized">The value looped over when its own length is the loop's; null when a filter or a one-pass source decides.</param>
    /// <param name="source">The elements.</param>
    /// <param name="recurse">Renders the loop's body over another iterable at a depth; null unless marked <c>recursive</c>.</param>
    /// <param name="depth0">How deep in recursive loops, from 0.</param>
    /// <param name="budget">Pays for counting a source of unknown length.</param>
    public LoopValue(TemplateValue? sized, IEnumerable<TemplateValue> source,
        Func<TemplateValue, int, TemplateValue>? recurse, int depth0, RenderBudget budget)
    {
        _sized = sized;
        _source = source.GetEnumerator();
        _recurse = recurse;
        _depth0 = depth0;
        _budget = budget;
    }

    public override string TypeName => "LoopContext";

    public override string ObjectDescription => "jinja2.runtime.LoopContext object";

    public override bool IsTruthy => Length > 0;

    public override bool IsCallable => true;

    public override int? Length => _length ??= _sized?.Length ?? CountAll();

    public TemplateValue Current => _current!;

    public int Index => _index0 + 1;

    public bool MoveNext()
    {
        var next = Peek();
        if (next is null)
            return false;
        _ahead.Dequeue();
        _index0++;
        _previous = _current;
        _current = next;
        return true;
    }

    public override TemplateValue? FindAttribute(string name) => name switch
    {
        "index" => IntValue.Of(Index),
        "index0" => IntValue.Of(_index0),
        "revindex" => IntValue.Of(Length!.Value - _index0),
        "revindex0" => IntValue.Of(Length!.Value - Index),
        "first" => BoolValue.Of(_index0 == 0),
        "last" => BoolValue.Of(Peek() is null),
        "length" => IntValue.Of(Length!.Value),
        "depth" => IntValue.Of(_depth0 + 1),
        "depth0" => IntValue.Of(_depth0),
        "previtem" => _index0 > 0 ? _previous! : UndefinedValue.Because("there is no previous item"),
        "nextitem" => Peek() ?? UndefinedValue.Because("there is no next item"),
        "cycle" => new BoundMethodValue<LoopValue>(this, "loop.cycle", static (loop, _, arguments) =>
        {
            if (arguments.Positional.Count == 0)
                throw TemplateFault.Evaluation("no items for cycling given");
            return arguments.Positional[loop._index0 % arguments.Positional.Count];
        }),
        "changed" => new BoundMethodValue<LoopValue>(this, "loop.changed", static (loop, context, arguments) =>
        {
            var value = new TupleValue([.. arguments.Positional]);
            if (loop._lastChanged is { } last && Comparison.AreEqual(last, value, context.Budget))
                return BoolValue.False;
            loop._lastChanged = value;
            return BoolValue.True;
        }),
        _ => null,
    };

    /// <summary><c>loop(items)</c> inside a recursive loop.</summary>
    public override TemplateValue Call(RenderContext context, Arguments arguments)
    {
        if (_recurse is null)
            throw TemplateFault.Evaluation("The loop must have the 'recursive' marker to be called recursively.");
        var bound = arguments.Bind(1, "iterable");
        return _recurse(bound[0]!, _depth0 + 1);
    }

    public void Dispose() => _source.Dispose();

    private TemplateValue? Peek()
    {
        if (_ahead.Count == 0 && _source.MoveNext())
            _ahead.Enqueue(_source.Current);
        return _ahead.TryPeek(out var next) ? next : null;
    }

    private int CountAll()
    {
        while (_source.MoveNext())
        {
            _budget.Charge(1);
            _ahead.Enqueue(_source.Current);
        }
        return _index0 + 1 + _ahead.Count;
    }
}
