using System.Diagnostics;
using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates;

namespace Fathom.Models.Tests.ChatTemplates;

/// <summary>Templates that loop for ever, grow without end or nest too deep all end with the limit's name.</summary>
public sealed class ChatTemplateLimitTests
{
    [Theory]
    [InlineData("{% set l = [1] %}{% for x in l %}{{ l.append(1) }}{% endfor %}", "StepsMax")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "StepsMax")]
    [InlineData("{{ ([0] * 1000000000)|length }}", "StepsMax")]
    [InlineData("{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", "StepsMax")]
    [InlineData("{{ [1,2]|batch(1000000000, 0)|list }}", "StepsMax")]
    [InlineData("{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}", "StepsMax")]
    [InlineData("{% set ns = namespace(a=(1,), b=(1,)) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% set ns.b = (ns.b, ns.b) %}{% endfor %}{{ {ns.a: 1}[ns.b] }}", "StepsMax")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "DepthMax")]
    [InlineData("{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}", "DepthMax")]
    [InlineData("{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{% call m() %}{% endcall %}", "DepthMax")]
    [InlineData("{{ 'x' * 1000000000 }}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s|replace('', ns.s) %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s]|join %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set x %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = x %}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% for i in range(90000) %}{{ 'x' * 1000 }}{% endfor %}", "OutputCharactersMax")]
    [InlineData("{% set s = 'x' * 4000000 %}{% for i in range(90000) %}{% set t = s + 'y' %}{% endfor %}", "TextCharactersMax")]
    [InlineData("{{ 'x'.center(1000000000) }}", "OutputCharactersMax")]
    [InlineData("{{ 'x'.zfill(1000000000) }}", "OutputCharactersMax")]
    [InlineData("{{ '\\t'.expandtabs(1000000000) }}", "OutputCharactersMax")]
    [InlineData("{{ 'a\\nb'|indent(1000000000) }}", "OutputCharactersMax")]
    [InlineData("{{ [1]|tojson(indent=1000000000) }}", "OutputCharactersMax")]
    [InlineData("{% set ns = namespace(a=['abcdefgh']) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}", "Max)")]
    [InlineData("{% set ns = namespace(a=['abcdefgh']) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}", "Max)")]
    [InlineData("{{ range(1000000000) }}", "MAX_RANGE")]
    [InlineData("{{ 2 ** 1000000000 }}", "digits")]
    [InlineData("{% set ns = namespace(i=3) %}{% for i in range(60) %}{% set ns.i = ns.i * ns.i %}{% endfor %}", "digits")]
    [InlineData("{{ '%1000000000d' % 1 }}", "format wider")]
    [InlineData("{{ '{:1000000000}'.format(1) }}", "format wider")]
    [InlineData("{{ '%.100000f' % 1.5 }}", "precision")]
    public void Render_WithoutBound_EndsWithTheLimit(string template, string limit)
    {
        var parsed = ChatTemplate.Parse(template);
        var clock = Stopwatch.StartNew();
        var error = Assert.Throws<ChatTemplateException>(() => parsed.Render(new ChatTemplateInput()));
        Assert.Equal(ChatTemplateErrorKind.Limit, error.Kind);
        Assert.Contains(limit, error.Reason, StringComparison.Ordinal);
        Assert.Equal(1, error.Line);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"took {clock.Elapsed}");
    }

    [Fact]
    public void Render_DeeplyNestedValue_EndsBeforeTheStackDoes()
    {
        const string Nest = "{% set ns = namespace(a=[]) %}{% for i in range(90000) %}{% set ns.a = [ns.a] %}{% endfor %}";
        foreach (var use in new[] { "{{ ns.a }}", "{{ ns.a|tojson }}", "{% set b = ns.a %}{{ [b] == [[ns.a]] }}", "{{ {(ns.a,): 1} }}" })
        {
            var template = ChatTemplate.Parse(Nest + use);
            var error = Record.Exception(() => template.Render(new ChatTemplateInput()));
            // Some uses fail or answer before they nest; what matters is that the process lives.
            Assert.True(error is null or ChatTemplateException, use);
        }
    }

    [Theory]
    [InlineData("{{ ", "(", 100_000)]
    [InlineData("{{ ", "[", 100_000)]
    [InlineData("{{ ", "not ", 100_000)]
    [InlineData("{{ ", "-", 100_000)]
    [InlineData("{{ ", "{1:", 100_000)]
    [InlineData("{{ ", "f(", 100_000)]
    [InlineData("{{ ", "1 if 1 else ", 100_000)]
    [InlineData("", "{% if 1 %}", 100_000)]
    [InlineData("", "{% for x in y %}", 100_000)]
    [InlineData("{% set ", "(", 100_000)]
    public void Parse_DeepNesting_IsASyntaxError(string prefix, string nested, int times)
    {
        var source = prefix + string.Concat(Enumerable.Repeat(nested, times));
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source));
        Assert.Equal(ChatTemplateErrorKind.Syntax, error.Kind);
    }

    [Theory]
    [InlineData("1", " + 1")]
    [InlineData("x", ".y")]
    [InlineData("1", "|string")]
    [InlineData("1", " and 1")]
    public void Render_LongChain_EndsOrAnswersButNeverOverflows(string first, string link)
    {
        var template = ChatTemplate.Parse("{{ " + first + string.Concat(Enumerable.Repeat(link, 100_000)) + " }}");
        var error = Record.Exception(() => template.Render(new ChatTemplateInput()));
        Assert.True(error is null or ChatTemplateException, error?.ToString());
    }

    [Fact]
    public void Render_Cancelled_Stops()
    {
        var template = ChatTemplate.Parse("{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}");
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => template.Render(new ChatTemplateInput(), cancellation.Token));
    }

    [Fact]
    public void Render_TenThousandTurns_StaysWithinTheDefaults()
    {
        var messages = new JsonArray();
        for (var i = 0; i < 10_000; i++)
            messages.Add(new JsonObject { ["role"] = i % 2 == 0 ? "user" : "assistant", ["content"] = $"turn {i}: " + new string('x', 400) });
        var template = ChatTemplate.Parse(
            "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>\n' }}{% endfor %}");
        var text = template.Render(new ChatTemplateInput { Messages = messages });
        Assert.Equal(10_000, text.Split("<|end|>\n").Length - 1);
    }
}
