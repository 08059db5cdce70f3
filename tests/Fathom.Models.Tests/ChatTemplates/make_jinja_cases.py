"""Writes jinja-cases.json: small templates and what Jinja2 makes of them.

Run with Jinja2 3.1.6 on Python 3.11 (python3 make_jinja_cases.py) after adding a template; the tests only read the JSON.
The environment is the one Transformers sets up, except that lists and dicts may be changed.
Left out on purpose, because we differ knowingly: generators that fail late, {{ self }}, title case digraphs.
"""
import datetime
import json
import pathlib
import re

import jinja2
import jinja2.ext
import jinja2.sandbox

VARIABLES = {"xs":[3,1,2],"s":"Hello World","d":{"b":1,"a":2,"items":3},"n":None,"t":True,"f":1.5,"i":7,"e":"","u":"Ünï 漢字 😀x","msgs":[{"role":"user","content":"hi","n":{"x":1}},{"role":"assistant","content":"Yo <b>","tool_calls":[{"name":"f","args":{"a":1,"b":[1,2.0,None,True]}}]},{"role":"user","content":"z"}],"neg":-5,
    "big":123456789012345678901234567890,"nest":{"a":{"b":["x",{"c":1}]}},
    "quote":"it's \"q\" \\ \n\t\x01\x7f\u00a0\u200b\ud83d\ude00"}

# One template a line; a bar between two tags separates templates that are also tried alone.
LINES = r'''
{{ 1+2*3 }}|{{ 7//2 }}|{{ -7//2 }}|{{ 7%3 }}|{{ -7%3 }}|{{ 7/2 }}|{{ 2**10 }}|{{ 2**-1 }}|{{ 2**3**2 }}|{{ -2**2 }}
{{ 1.5+1 }}|{{ 1e16 }}|{{ 1e15 }}|{{ 1.0 }}|{{ 0.1+0.2 }}|{{ 1e-5 }}|{{ 1e-4 }}|{{ 123456789.123 }}|{{ 1.5//1 }}|{{ -1.5//1 }}|{{ 5.5%2 }}|{{ -5.5%2 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1,'x'] }}
{{ "a" "b" 'c' }}
{{ 1 < 2 < 3 }}|{{ 1 < 2 > 3 }}|{{ 1 == 1.0 }}|{{ true == 1 }}|{{ 'a' < 'b' }}|{{ [1,2] < [1,3] }}|{{ (1,) == (1,) }}|{{ [1] == (1,) }}
{{ 1 in [1,2] }}|{{ 'a' in 'abc' }}|{{ 'x' not in d }}|{{ 'a' in d }}|{{ 3 in (1,2) }}
{{ not true }}|{{ not '' }}|{{ '' or 'x' }}|{{ 'a' and 'b' }}|{{ 0 and 1 }}|{{ none or [] }}
{{ 'a' if true }}|{{ 'a' if false }}|{{ 'a' if false else 'b' }}|{{ 1 if 0 else 2 if 0 else 3 }}
{{ xs[0] }}|{{ xs[-1] }}|{{ xs[5] }}|{{ xs[1:] }}|{{ xs[::-1] }}|{{ xs[:2] }}|{{ s[1:4] }}|{{ s[::-1] }}|{{ s[-3:] }}|{{ u[4:6] }}|{{ u[-2] }}|{{ u[::-1] }}|{{ u|length }}
{{ xs[-2:] }}|{{ xs[10:] }}|{{ xs[5:1:-1] }}|{{ 'abcdef'[1:5:2] }}|{{ (1,2,3)[1:] }}|{{ xs[none:2] }}
{{ d.items() }}|{{ d.keys() }}|{{ d.values() }}|{{ d['items'] }}|{{ d.get('a') }}|{{ d.get('zz') }}|{{ d.get('zz', 5) }}|{{ d.a }}|{{ d['b'] }}
{{ d }}|{{ xs }}|{{ (1,) }}|{{ () }}|{{ [] }}|{{ {} }}|{{ {'a': [1, {'b': none}]} }}
{{ quote }}|{{ [quote] }}|{{ quote|tojson }}|{{ [u] }}
{{ s.upper() }}|{{ s.lower() }}|{{ s.title() }}|{{ 'hELLO wORLD'.capitalize() }}|{{ s.swapcase() }}|{{ 'straße'.upper() }}|{{ "they're bill's".title() }}
{{ '  x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xxaxx'.lstrip('x') }}|{{ 'xxaxx'.rstrip('x') }}|{{ '  a'.lstrip() }}
{{ 'a,b,c'.split(',') }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ ' a  b '.split() }}|{{ ' a  b  c '.split(none, 1) }}|{{ ' a  b  c '.rsplit(none, 1) }}|{{ 'abc'.split('') }}
{{ 'a,b,c'.split(',')[-1] }}|{{ 'a</think>b'.split('</think>')[-1].lstrip('\n') }}
{{ s.startswith('He') }}|{{ s.endswith(('x','ld')) }}|{{ s.startswith('W', 6) }}|{{ s.find('o') }}|{{ s.rfind('o') }}|{{ s.find('zz') }}|{{ s.index('W') }}|{{ s.count('l') }}|{{ s.count('') }}|{{ u.find('x') }}
{{ s.replace('l','L') }}|{{ s.replace('l','L',1) }}|{{ 'abc'.replace('','-') }}|{{ u.replace('','-') }}|{{ 'aaa'.replace('aa','b') }}
{{ '-'.join(['a','b']) }}|{{ ','.join('abc') }}|{{ 'x'.center(5) }}|{{ 'x'.center(4,'*') }}|{{ 'ab'.center(5,'*') }}|{{ 'x'.ljust(3,'.') }}|{{ 'x'.rjust(3) }}|{{ '-5'.zfill(4) }}
{{ 'a b'.partition(' ') }}|{{ 'a.b.c'.rpartition('.') }}|{{ 'abc'.partition('x') }}|{{ 'abc'.removeprefix('a') }}|{{ 'abc'.removesuffix('c') }}
{{ 'a\nb\r\nc'.splitlines() }}|{{ 'a\nb\n'.splitlines(true) }}|{{ 'a\tb'.expandtabs(4) }}
{{ 'abc'.isalpha() }}|{{ '12'.isdigit() }}|{{ '½'.isnumeric() }}|{{ 'Ab'.istitle() }}|{{ 'AB'.isupper() }}|{{ 'ab1'.islower() }}|{{ ' '.isspace() }}|{{ ''.isalpha() }}|{{ 'a1'.isalnum() }}|{{ 'a_1'.isidentifier() }}
{{ '{} {1}'.format(1,2) }}
{{ '{0} {1} {x}'.format(1,2,x=3) }}|{{ '{:>5}|{:<5}|{:^5}'.format('a','b','c') }}|{{ '{:.2f} {:d} {:05d} {:x} {:,}'.format(3.14159, 42, 42, 255, 1234567) }}|{{ '{a[b]} {c.role}'.format(a={'b':1}, c=msgs[0]) }}|{{ '{!r:>6}'.format('a') }}|{{ '{{}}'.format() }}
{{ '%s %d %.2f %5s|%-5s|%05d %x %%' % ('a', 3, 2.5, 'r', 'l', 42, 255) }}|{{ '%(a)s' % {'a': 1} }}|{{ '%s' % 'x' }}|{{ '%r' % 'x' }}|{{ '%s' % [1,2] }}|{{ "%s"|format("q") }}|{{ '%s-%s'|format(1,2) }}|{{ '%e %g %g %g' % (12345.678, 1e10, 0.0001, 100000.0) }}
{{ xs|length }}|{{ xs|first }}|{{ xs|last }}|{{ xs|sort }}|{{ xs|sort(reverse=true) }}|{{ xs|sum }}|{{ xs|min }}|{{ xs|max }}|{{ xs|reverse|list }}|{{ xs|join(', ') }}|{{ s|reverse }}
{{ msgs|map(attribute='role')|join(',') }}|{{ msgs|map(attribute='n.x', default='-')|list }}|{{ msgs|selectattr('role','equalto','user')|map(attribute='content')|list }}|{{ msgs|rejectattr('role','eq','user')|list|length }}|{{ msgs|selectattr('tool_calls')|list|length }}|{{ msgs|selectattr('tool_calls','defined')|list|length }}
{{ [1,2,3,4]|select('odd')|list }}|{{ [1,2,3,4]|reject('odd')|list }}|{{ [0,1,'',2]|select|list }}|{{ ['a','b']|map('upper')|list }}|{{ [1,2,3]|select('>', 1)|list }}|{{ ['a',none]|select('none')|list }}
{{ [1,1,2]|unique|list }}|{{ ['a','A']|unique|list }}|{{ ['a','A']|unique(true)|list }}|{{ ['b','A','a']|sort }}|{{ ['b','A','a']|sort(case_sensitive=true) }}|{{ d|dictsort }}|{{ d|dictsort(by='value') }}|{{ d|dictsort(reverse=true) }}
{{ range(5)|batch(2)|list }}|{{ range(5)|batch(2,'x')|list }}|{{ range(5)|slice(2)|list }}|{{ range(7)|slice(3,'x')|list }}|{{ msgs|groupby('role') }}|{% for g in msgs|groupby('role') %}{{ g.grouper }}:{{ g.list|length }};{% endfor %}
{{ '42'|int }}|{{ '42.7'|int }}|{{ 'x'|int }}|{{ 'x'|int(5) }}|{{ '0x1f'|int(base=16) }}|{{ '0b11'|int(0,2) }}|{{ 3.9|int }}|{{ none|int }}|{{ ' 5 '|int }}|{{ '1_000'|int }}|{{ true|int }}
{{ '3.5'|float }}|{{ 'x'|float }}|{{ 'x'|float(1.5) }}|{{ 3|float }}|{{ 'inf'|float }}|{{ 'nan'|float }}|{{ '1e3'|float }}
{{ 42.55|round }}|{{ 42.55|round(1) }}|{{ 42.55|round(1,'floor') }}|{{ 42.55|round(1,'ceil') }}|{{ 2.5|round }}|{{ 3.5|round }}|{{ 5|round }}|{{ 2.675|round(2) }}|{{ 15|round(-1) }}|{{ 1234.5|round(-2) }}|{{ -2.5|round }}
{{ -5|abs }}|{{ neg|abs }}|{{ -1.5|abs }}|{{ big }}|{{ big*big }}|{{ big//7 }}|{{ big%7 }}|{{ big/3 }}
{{ undefd }}|{{ undefd|default('x') }}|{{ ''|default('x') }}|{{ ''|default('x', true) }}|{{ none|d('x') }}|{{ undefd|length }}|{{ undefd|list }}|{{ undefd is defined }}|{{ d.zz is defined }}|{{ undefd == undefd }}|{{ undefd|string }}|{{ 'a' in undefd }}|{{ undefd|join }}
{{ ' a '|trim }}|{{ 'xax'|trim('x') }}|{{ s|upper }}|{{ s|lower }}|{{ 'hello world-foo (bar)'|title }}|{{ 'HELLO'|capitalize }}|{{ s|replace('o','0') }}|{{ s|replace('o','0',1) }}|{{ 5|string }}|{{ 12|replace(1,'x') }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb\n\nc'|indent(2,true) }}|{{ 'a\nb\n\nc'|indent(2,blank=true) }}|{{ 'a\nb'|indent('> ') }}|{{ 'a\n'|indent(2) }}
{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, True) }}|{{ 'foo bar baz qux'|truncate(11) }}|{{ 'foo bar baz qux'|truncate(11, False, '...', 0) }}
{{ 'a b, c-d'|wordcount }}|{{ 'x'|center(5) }}|{{ '<a&"\'>'|escape }}|{{ '<a>'|e|e }}|{{ '<a>'|forceescape }}|{{ '<b>x</b>  y'|striptags }}|{{ 'a b/c?é'|urlencode }}|{{ {'a b':1,'c':'d&'}|urlencode }}|{{ 1000|filesizeformat }}|{{ 1500000|filesizeformat }}|{{ 1|filesizeformat }}|{{ 2048|filesizeformat(true) }}|{{ {'a':1,'b':none,'c':'<'}|xmlattr }}
{{ ('<'|safe) + '<' }}|{{ '<' + ('<'|safe) }}|{{ ('<%s>'|safe) % '<' }}|{{ ('<'|safe)|upper + '<' }}|{{ ('<'|safe) ~ '<' }}|{{ ('a<b'|safe).replace('<','<<') }}|{{ [('<'|safe)] }}
{{ d|tojson }}|{{ msgs|tojson }}|{{ msgs|tojson(indent=2) }}|{{ d|tojson(sort_keys=true) }}|{{ [1,2]|tojson(separators=(',',':')) }}|{{ {}|tojson(indent=2) }}|{{ []|tojson(indent=2) }}|{{ 1.0|tojson }}|{{ 1e20|tojson }}|{{ {1:2,none:3,true:4,1.5:6}|tojson }}|{{ 'é'|tojson(ensure_ascii=true) }}|{{ '</script>&\''|tojson }}|{{ (1,2)|tojson }}|{{ u|tojson }}
{{ none is none }}|{{ 1 is number }}|{{ true is number }}|{{ 1 is integer }}|{{ true is integer }}|{{ 1.0 is float }}|{{ 's' is string }}|{{ d is mapping }}|{{ xs is sequence }}|{{ d is sequence }}|{{ s is sequence }}|{{ xs is iterable }}|{{ 1 is iterable }}|{{ true is boolean }}|{{ true is true }}|{{ 1 is true }}|{{ false is false }}|{{ undefd is undefined }}|{{ undefd is iterable }}|{{ undefd is sequence }}|{{ none is iterable }}|{{ 4 is even }}|{{ 3 is odd }}|{{ 6 is divisibleby 3 }}|{{ 'a' is in 'abc' }}|{{ 1 is in [1] }}|{{ 'ab' is lower }}|{{ 'AB' is upper }}|{{ range is callable }}|{{ 1 is eq 1 }}|{{ 1 is ne 1 }}|{{ 2 is gt 1 }}|{{ 1 is sameas 1 }}|{{ none is sameas none }}|{{ 'upper' is filter }}|{{ 'odd' is test }}|{{ '<'|safe is escaped }}
{{ 1 is not none }}|{{ 1 is not string and true }}|{{ not 1 is string }}|{{ 1 is string or 2 is number }}|{{ 'a' is equalto 'a' }}|{{ 5 is greaterthan 3 }}
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a','b') }}{{ loop.changed(x) }}{{ loop.depth }};{% endfor %}
{% for x in [] %}x{% else %}empty{% endfor %}|{% for x in xs if x > 1 %}{{ x }}{{ loop.length }}{{ loop.index }}{% endfor %}|{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}|{% for k in d %}{{ k }}{% endfor %}|{% for c in 'abc' %}{{ c }}.{% endfor %}
{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}|{% for x in xs %}{% break %}{% else %}E{% endfor %}|{% for x in xs %}{% continue %}{% else %}E{% endfor %}
{% for x in [[1,[2]],[3]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
{% set a = 1 %}{% for x in xs %}{% set a = a + x %}{{ a }}{% endfor %}{{ a }}|{% set ns = namespace(a=1) %}{% for x in xs %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}|{{ ns.zz }}|{{ ns }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}|{% set (a, b) = (3, 4) %}{{ a }}{{ b }}|{% set x %}block{{ a }}{% endset %}{{ x }}|{% set x | upper | replace('B','b') %}abc{% endset %}{{ x }}|{% set a = (1,) %}{{ a }}|{% set a = 1, %}{{ a }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}|{{ m(1,b=5) }}|{{ m(1,2,3,4,x=5) }}|{{ m() }}|{{ m.name }}|{{ m.arguments }}|{{ m }}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{{ i }}{% endcall %}|{% macro l(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) l(xs) %}<{{ x }}>{% endcall %}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1,2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% filter upper %}abc{{ s }}{% endfilter %}|{% filter replace('a','b')|upper %}aaa{% endfilter %}|{% with a=1, b=2 %}{{ a+b }}{% endwith %}|{% with %}{% set q = 1 %}{% endwith %}{{ q }}|{% block foo %}blk{{ i }}{% endblock %}|{% generation %}gen{{ i }}{% endgeneration %}|{% print 1, 2 %}|{% raw %}{{ x }}{% y %}{% endraw %}
{% if false %}a{% elif 0 %}b{% elif 1 %}c{% else %}d{% endif %}|{% if xs and not e %}y{% endif %}|{% if false %}{% set zq = 1 %}{% endif %}{{ zq }}
{{ dict(a=1,b=2) }}|{{ dict([('a',1)]) }}|{{ dict({'x':1}, y=2) }}|{{ namespace(a=1).a }}|{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b|{% set c = cycler('x','y') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}|{{ range(3) }}|{{ range(1,10,3)|list }}|{{ range(5,0,-2)|list }}|{{ range(3)[1] }}|{{ range(10)[2:5] }}|{{ range(3)|last }}
{{ strftime_now('%Y-%m-%d %H:%M:%S %A %a %B %b %d %e %j %p %I %y %U %W %w %u %V %G %-d %-m %f %D %F %T %R %c %x %X %% %Z|%z|%n%t|%C %h %k %l %s %q') }}
{{ nest.a.b[1].c }}|{{ nest['a']['b'][0] }}|{{ nest.a.b.0 }}|{{ nest.zz.yy }}
{{ nest.zz }}|{{ nest.zz is defined }}|{{ nest.a.b[9] is defined }}
{% set l = [1] %}{{ l.append(2) }}{{ l }}{{ l.pop() }}{{ l }}{{ l.insert(0, 9) }}{{ l }}{{ l.extend([1,2]) }}{{ l.index(1) }}{{ l.count(1) }}{{ l.reverse() }}{{ l }}{{ l.sort() }}{{ l }}{{ l.remove(9) }}{{ l }}{{ l.copy() }}{{ l.clear() }}{{ l }}
{% set dd = {'a':1} %}{{ dd.update({'b':2}) }}{{ dd.update(c=3) }}{{ dd.pop('a') }}{{ dd.setdefault('z', 5) }}{{ dd }}{{ dd.copy() }}{{ dd.popitem() }}{{ dd.clear() }}{{ dd }}
{{ [1,2]+[3] }}|{{ [1]*3 }}|{{ 3*'ab' }}|{{ 'ab'*0 }}|{{ (1,)+(2,) }}|{{ 'a'*-1 }}
{{ none|string }}|{{ none|trim }}|{{ none|length }}
{{ 5|length }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ undefd + 1 }}
{{ undefd.foo }}
{{ undefd() }}
{{ s() }}
{{ none.foo }}
{{ none.foo.bar }}
{{ xs.foo.bar }}
{{ d.foo.bar }}
{{ d[[1]] }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ 1 in 5 }}
{{ 1 in 'abc' }}
{{ 1/0 }}
{{ 1//0 }}
{{ 1%0 }}
{{ 1.0/0 }}
{{ x|nofilter }}
{{ 1 is notest }}
{{ raise_exception('boom') }}
{% for a, b in [(1,2,3)] %}{% endfor %}
{% for a, b in [(1,)] %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% for a in 5 %}{% endfor %}
{% set d.x = 1 %}
{{ range(1000000) }}
{{ 'abc'.nomethod() }}
{{ ''.join([1]) }}
{{ s|sum }}
{{ ['a',1]|sort }}
{{ [1,'a']|join }}
{{ {}|first }}|{{ []|first }}|{{ []|last }}|{{ []|max }}
{{ '%d' % 'a' }}
{{ '%s %s' % 'a' }}
{{ 'x' % 'a' }}
{{ d|items|list }}|{{ undefd|items|list }}
{{ 5|items|list }}
{{ [3,1]|map('string')|join }}|{{ [[1,2],[3]]|map('first')|list }}|{{ [[1,2],[3]]|map('length')|sum }}|{{ [1,2]|map('nofilter')|list }}
{{ [{'a':2},{'a':1}]|sort(attribute='a') }}|{{ [{'a':2,'b':1},{'a':2,'b':0}]|sort(attribute='a,b') }}|{{ [{'a':1},{'a':2}]|sum(attribute='a') }}|{{ [{'a':1},{'a':2}]|max(attribute='a') }}|{{ [{'a':1},{'a':2}]|join(',', attribute='a') }}
{{ 'a\x41\u00e9\101\q\'\"\\' }}|{{ "tab\there" }}
{{ 0x1f }}|{{ 0b11 }}|{{ 0o17 }}|{{ 1_000 }}|{{ 1_0.5_0 }}|{{ 1e3 }}|{{ 00 }}
{{ [1,2,] }}|{{ {'a':1,} }}|{{ (1,2,) }}|{{ xs[0,1] }}|{{ dict(**{'a':1}) }}|{{ '%s%s'|format(*[1,2]) }}
{{ true and false or true }}|{{ (1 if true else 2) + 3 }}|{{ -1|abs }}|{{ (-1)|abs }}|{{ -xs[0] }}|{{ +5 }}|{{ - 5 }}|{{ 1--1 }}|{{ not not 1 }}
{{ "a" if "b" in "abc" and not false else "c" }}|{{ d.a == 2 and d['b'] != 2 }}|{{ 1 ~ 2 + 3 }}|{{ 'a' ~ 'b' * 2 }}
{{ loop }}|{{ self }}|{{ True }}{{ False }}{{ None }}
{{ s|attr('upper') is callable }}|{{ d|attr('a') }}|{{ d|attr('keys') is callable }}
{{ d.items()|list }}|{{ d.items()|length }}|{{ d.keys()|list|first }}|{{ d.values()|sum }}|{{ d.keys()[0] }}|{{ d|list }}|{{ d|length }}|{{ d.items()|first }}|{{ d.items()|last }}
{{ xs|map('foo') is defined }}|{{ xs|select is iterable }}|{{ xs|select is sequence }}|{{ xs|select is string }}
{{ xs|select|length }}
{{ 'ab'|list }}|{{ 'ab'|first }}|{{ 'ab'|last }}|{{ 'ba'|sort }}|{{ 'aab'|unique|join }}|{{ u|list }}|{{ 'abc'|batch(2)|list }}
{{ [true,false]|tojson }}|{{ [1,[2,[3,{'a':[]}]]]|tojson(indent=1) }}|{{ none|tojson }}|{{ undefd|tojson }}
{{ 'ÀÉ'|lower }}|{{ 'ΑΣ'.lower() }}|{{ 'ﬁ'.upper() }}|{{ 'ǆ'.title() }}|{{ 'i̇'|upper }}
{{ 12345.6789|round(2) }}|{{ 1e22 }}|{{ 1e21+1 }}|{{ 123456789012345680.0 }}|{{ 5e-324 }}|{{ 1.7976931348623157e308 }}|{{ 1e400 }}|{{ -0.0 }}
'''

# White space control, line ends, malformed sources.
SOURCES = [
    "{{ 'a\\\nb' }}",
    '  {% if true %}  \n  x\n  {% endif %}  \ny',
    'a\n  {%- if true -%}  \n b {%- endif %}\n c',
    '{{ 1 }}\n{{ 2 }}\n\n',
    '  {#- c -#}  x',
    '  {# c #}\n x',
    'a {%+ if true %} b\n  {%+ endif %}c',
    '{% if true +%}\n x{% endif %}',
    '  {{- 1 -}}  y',
    'a\r\nb\rc\n',
    '{% raw -%}  x {{ y }}  {%- endraw %} z',
    '{% raw %}\n x\n  {% endraw %}\n z',
    '  {% raw %} a {% endraw %}',
    '{#a#}\n\n{#b#}x',
    'x  {# c #}  y',
    '\n\n  {% set a=1 %}\n\n  {{ a }}\n',
    '{%- set a = 1 -%}\n\n  {{- a -}}\n ',
    '{% if true: %}x{% endif %}',
    "{{'}}'}}",
    "{{ '%}' }}{% if '%}' %}x{% endif %}",
    "{{ {'a':{'b':1}}['a']['b'] }}",
    '{ {x} %} }} #}',
    '{',
    '{{',
    '{%',
    '{% if',
    '{{ 1',
    '{% if true %}',
    '{% endif %}',
    '{{ 1 + }}',
    '{{ }}',
    '{% foo %}',
    '{% for x %}{% endfor %}',
    '{% set %}',
    '{{ ) }}',
    '{{ (1] }}',
    "{{ 'abc }}",
    '{{ $ }}',
    '{% break %}',
    "{% include 'x' %}",
    "{% extends 'x' %}",
    '{{ a..b }}',
    '{{ 1 is }}',
    '{{ a|}}',
    '{{ f(a=1, 2) }}',
    '{{ f(**a, b) }}',
    '{% macro m(a=1, b) %}{% endmacro %}',
    '{% set true = 1 %}',
    '{% set 1 = 1 %}',
    '{% for x in y %}{% else %}{% else %}{% endfor %}',
    '{{ 1 is a is b }}',
    '{% do 1 %}',
    '{{ x[1 }}',
    '{{ {1} }}',
    '{{ {1:} }}',
    '{% call 1 %}{% endcall %}',
    '{% raw %}x',
    "{{ '\\u12' }}",
    "{{ '\\x1' }}",
    '{% if 1 %}{% else %}{% elif 2 %}{% endif %}',
    '{%-\n\n-%}',
    '{# {% x %} #}y',
    '{#\n\n#}\n{{ 1 }}',
    '{%- raw %} x {% endraw -%}  y',
    '\t{% if 1 %}\n\t\ty\n\t{% endif %}\nz\n\n',
    '{{ 1 }}  {% if 1 %}\nq{% endif %}',
    '\x0b {% if 1 %}x{% endif %}',
    '\xa0{% if 1 %}x{% endif %}\xa0\n',
    '{% set x = 5 if true %}{{ x }}',
    '{% set x = 5 if false %}{{ x }}',
    '{% for x in [1,2] if x == 1 %}{{ x }}{% endfor %}',
    '{% for x in ([1,2] if true else []) %}{{ x }}{% endfor %}',
    '{% for x in [1] recursive %}{{ x }}{% endfor %}',
    '{{ 1if true else 2 }}',
    '{%set x=1%}{{x}}',
    '{{-1}}',
    '{{+1}}',
    '{{ 1 -}} \n x',
    '{% if 1 %}a{% endif -%}\n b',
    "{{ 'a'\n'b' }}",
    '{{ x.y.0.z }}',
    "{{ 'a' 'b'.upper() }}",
    "{{ ('a' 'b').upper() }}",
    '{{ 1.upper }}',
    '{{ 1.5.foo }}',
    '{{ xs.0 }}{{ xs.1 }}',
]

SKIPPED = {"{{ self }}", "{{ xs|map('foo') is defined }}", "{{ 'ǆ'.title() }}", "{{ '{} {1}'.format(1,2) }}"}


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def main():
    environment = jinja2.sandbox.SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda f: datetime.datetime(2026, 1, 2, 3, 4, 5).strftime(f)
    templates = []
    for line in LINES.strip("\n").split("\n"):
        for part in [line, *re.split(r"(?<=[}])\|(?=\{)", line)]:
            if part not in templates:
                templates.append(part)
    cases = []
    for template in templates + SOURCES:
        if any(skipped in template for skipped in SKIPPED):
            continue
        try:
            cases.append({"template": template, "expected": environment.from_string(template).render(**json.loads(json.dumps(VARIABLES)))})
        except Exception as error:
            kind = "syntax" if isinstance(error, (jinja2.TemplateSyntaxError, SyntaxError)) else "evaluation"
            cases.append({"template": template, "error": kind, "message": str(error)})
    target = pathlib.Path(__file__).with_name("jinja-cases.json")
    rows = ",\n".join("    " + json.dumps(case, ensure_ascii=True) for case in cases)
    variables = json.dumps(VARIABLES, ensure_ascii=True)
    target.write_text(f'{{\n  "variables": {variables},\n  "cases": [\n{rows}\n  ]\n}}\n')
    print(len(cases), "cases,", sum("error" in case for case in cases), "of them errors")


if __name__ == "__main__":
    main()
