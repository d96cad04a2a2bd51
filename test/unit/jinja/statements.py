# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Templates about statements: scopes, white space, macros, loops, errors of syntax."""

VALUES = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
          "x": "outer", "n": 3, "d": {"b": 1, "a": [1, 2]}, "text": "line one\nline two"}

TEMPLATES = r"""
a
{% if x %}b{% endif %}
  {% if x %}
  c
  {% endif %}
  d
=====
a {%- if x -%} b {%- endif -%} c
=====
a {%+ if x +%} b {%+ endif +%} c
=====
   {%+ if x %}
 b
   {%+ endif %}
=====
x
{{- 'a' -}}
y  {{ 'b' }}
  {{ 'c' }}
=====
  {# comment #}
a
  {#- comment -#}
b {#+ c #} d
{# c +#}
e
=====
{% raw %}{{ x }}{% if %}{% endraw %}
  {% raw -%}   {{ y }}  {%- endraw %}  z
{%- raw %} a {% endraw -%}   b
=====
{% raw %}
x
{% endraw %}
y
=====
{{ x }}


=====
	{% set a = 1 %}	
{{ a }}
=====
{% for i in [1, 2] %}
  {% for j in [3] %}
    {{ i }}{{ j }}
  {% endfor %}
{% endfor %}
=====
{% for m in messages %}{{ loop.index }}/{{ loop.length }} {{ loop.revindex0 }} {{ loop.first }} {{ loop.last }} {{ m.role }}{% if loop.previtem %} {{ loop.previtem.role }}{% endif %}{% if loop.nextitem is defined %} {{ loop.nextitem.role }}{% endif %};{% endfor %}
=====
{% for i in range(5) if i % 2 == 0 %}{{ loop.index }}:{{ i }}/{{ loop.length }}{% if not loop.last %},{% endif %}{% else %}none{% endfor %}
=====
{% for i in range(5) if i > 7 %}{{ i }}{% else %}none{% endfor %}
=====
{% set ns = namespace(stop=false) %}{% for i in range(5) if not ns.stop %}{{ i }}{% if i == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}
=====
{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% else %}x{% endfor %}
=====
{% for i in range(1) %}{% continue %}{% else %}else after continue{% endfor %}|{% for i in range(1) %}{% break %}{% else %}else after break{% endfor %}
=====
{% for i in range(3) %}{% for j in [] %}{% else %}{% break %}{% endfor %}{{ i }}{% endfor %}
=====
{% for i in [1, 2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}
=====
{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}
=====
{% if n == 3 %}{% set x = 'inner' %}{% endif %}{{ x }}{% if n == 4 %}{% set y = 1 %}{% endif %}{{ y }}|{{ y is defined }}
=====
{% for i in [1] %}{% if false %}{% set x = 1 %}{% endif %}{{ x }}{% endfor %}
=====
{% macro m() %}{{ x }}{{ later }}{% endmacro %}{{ m() }}{% set later = 'L' %}{{ m() }}{% set x = 'new' %}{{ m() }}
=====
{% macro m(a, b='B', c=a) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1, 2, 3, 4, 5) }}{{ m(1, k=2) }}{{ m(b=1) }}{{ m(a=1, c=3) }}
=====
{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}{{ m(none) }}{{ m.name }}{{ m }}
=====
{% macro m(a) %}x{% endmacro %}{{ m(1, 2) }}
=====
{% macro m(a) %}x{% endmacro %}{{ m(b=1) }}
=====
{% macro m(a) %}x{% endmacro %}{{ m(1, a=2) }}
=====
{% macro m(a, a) %}x{% endmacro %}
=====
{% macro m(a=1, b) %}x{% endmacro %}
=====
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}in {{ x }}{% endcall %}
=====
{% macro m() %}{% for i in [1, 2] %}{{ caller(i, y=i * 2) }}{% endfor %}{% endmacro %}{% call(a, y=0) m() %}({{ a }}{{ y }}){% endcall %}
=====
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
=====
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}
=====
{% macro m() %}x{% endmacro %}{% call m() %}{% endcall %}
=====
{% macro outer() %}{% call inner() %}{{ caller() }}{% endcall %}{% endmacro %}{% macro inner() %}<{{ caller() }}>{% endmacro %}{% call outer() %}z{% endcall %}
=====
{% macro m(caller) %}{{ caller }}{% endmacro %}
=====
{% macro m(caller=1) %}{{ caller }}{% endmacro %}{{ m() }}{{ m(caller=3) }}
=====
{% macro fact(k) %}{% if k > 1 %}{{ k }}*{{ fact(k - 1) }}{% else %}1{% endif %}{% endmacro %}{{ fact(5) }}
=====
{% macro forever() %}{{ forever() }}{% endmacro %}{{ forever() }}
=====
{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}{{ m is defined }}
=====
{% set ns = namespace(f=none) %}{% macro a(v) %}{% macro b() %}{{ v }}{% endmacro %}{% set ns.f = b %}{% endmacro %}{{ a('kept') }}{{ ns.f() }}
=====
{% set ns = namespace(a=1) %}{% set ns.b = ns.a + 1 %}{{ ns.a }}{{ ns.b }}{{ ns }}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}
=====
{% set ns = namespace() %}{% set ns._x = 1 %}
=====
{% set d.c = 1 %}
=====
{% set nope.c = 1 %}
=====
{% set ns = namespace(a=1, b=2) %}{% set ns.a, ns.b = ns.b, ns.a %}{{ ns.a }}{{ ns.b }}
=====
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, (e, f)) = [1, [2, 3]] %}{{ c }}{{ e }}{{ f }}
=====
{% set a, b = [1] %}
=====
{% set a, b = 5 %}
=====
{% for a, b in d.items() %}{{ a }}={{ b }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %}
=====
{% for a, b in [[1, 2, 3]] %}{% endfor %}
=====
{% set block %}a{{ x }}
b{% endset %}{{ block|upper }}{{ block }}
=====
{% set block | upper | replace('A', 'z') %}a{{ x }}{% endset %}{{ block }}
=====
{% for i in [1, 2] %}{% set t %}{{ i }}{% break %}{% endset %}{% endfor %}done{{ t }}
=====
{% filter upper %}a{{ x }}{% endfilter %}{% filter replace('a', 'b')|trim %} aa {% endfilter %}
=====
{% filter length %}abc{% endfilter %}
=====
{% set t | length %}abc{% endset %}{{ t + 1 }}
=====
{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x }}{% with a = 1, b = x %}{{ a }}{{ b }}{% endwith %}{{ a }}{% with x = 'w', y = x %}{{ y }}{% endwith %}
=====
{% generation %}{% set x = 'g' %}{{ x }}{% endgeneration %}{{ x }}
=====
{% for m in messages %}{% generation %}{{ m.content }}{{ loop.index }}{% endgeneration %}{% endfor %}
=====
{% for i in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
=====
{% for i in [1] %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}
=====
{% break %}
=====
{% for i in [] %}{% else %}{% break %}{% endfor %}
=====
{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
=====
{% for x in [1, 2] recursive %}{{ x }}{% else %}none{% endfor %}{% for x in [[1], []] recursive %}[{{ loop(x) if x is iterable else x }}]{% else %}none{% endfor %}
=====
{% for x in [1] %}{{ loop(x) }}{% endfor %}
=====
{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b') }}{% endfor %}
=====
{% for x in [1] %}{{ loop.cycle() }}{% endfor %}
=====
{% for x in [1, 2] %}{{ loop }}{{ loop|length }}{% endfor %}
=====
{% for x in [1, 2] %}{% for y in [1] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
=====
{% for x in [1, 2] %}{% set outer = loop %}{% for y in [1] %}{{ outer.index }}{% endfor %}{% endfor %}
=====
{% for loop in [1] %}{% endfor %}
=====
{% for x in [1] %}{% set loop = 2 %}{% endfor %}
=====
{% set loop = 5 %}{{ loop }}
=====
{{ loop }}{{ loop is defined }}
=====
{% for x in messages %}{{ x.role }}{% if not loop.last %}, {% endif %}{% endfor %}{{ x }}
=====
{% set g = [1, 2]|map('string') %}{{ g|list }}{{ g|list }}{% for y in g %}{{ y }}{% endfor %}
=====
{% set g = [1, 'a']|map('abs') %}fine
=====
{% set g = [1, 'a']|map('abs') %}{{ g|list }}
=====
{% set g = 'abc'|reverse %}{{ g }}{% set h = [1, 2]|reverse %}{{ h|first }}{{ h|list }}
=====
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}
=====
{% set j = joiner('; ') %}{% for i in [1, 2] %}{{ j() }}{{ i }}{% endfor %}
=====
{% print x, n %}{% print %}
=====
{% if x is defined and x and n > 2 %}1{% elif nope.x %}2{% else %}3{% endif %}
=====
{% if nope %}1{% elif not nope %}2{% endif %}
=====
{% if false %}{{ x|nosuch }}{% endif %}ok
=====
{% if true %}{{ x|nosuch }}{% endif %}
=====
{% if false %}{% for i in [1] %}{{ x|nosuch }}{% endfor %}{% endif %}
=====
{{ x|nosuch if false else 'ok' }}
=====
{{ 1 is nosuch }}
=====
{% if false %}{{ 1 is nosuch }}{% endif %}ok
=====
{% macro m() %}{{ x|nosuch }}{% endmacro %}
=====
{% for x in x|nosuch %}{% endfor %}
=====
{% include 'a' %}
=====
{% extends 'a' %}
=====
{% import 'a' as b %}
=====
{% nosuch %}
=====
{% endif %}
=====
{% if x %}
=====
{% for x in y %}
=====
{% if x %}{% endfor %}
=====
{{ x
=====
{{ x }
=====
{% x %}
=====
{# never ends
=====
{% raw %} never ends
=====
{{ x }} }} %} #} { { { % {
=====
{% set %}
=====
{% set 1 = 2 %}
=====
{% set true = 2 %}
=====
{% set x.y.z = 2 %}
=====
{% set x[0] = 2 %}
=====
{% for true in [1] %}{% endfor %}
=====
{% for x.y in [1] %}{% endfor %}
=====
{% for x in 1, 2, 3 %}{{ x }}{% endfor %}{% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}
=====
{% if x: %}colon{% endif %}{% for i in [1]: %}{{ i }}{% endfor %}
=====
{% if x == 'outer' and 'a' in d or nope %}y{% endif %}{% if not x == 'z' %}n{% endif %}{% if x not in d %}o{% endif %}
=====
{%- set a = 1 -%}   {{ a }}   {%- set b = 2 -%}   {{ b }}
=====
{{ text.split('\n')|join('|') }} {{ text.splitlines()|length }} {{ text|indent(2, true) }}
=====
{{ "a" }}{{- "b" -}}
    {{ "c" }}
=====
{{ d.a[0] }}{{ d['a'][1] }}{{ d.a.0 }}{{ d.get('a')[-1] }}{{ d.a|length }}{{ (d.a|length) + 1 }}
=====
{% set x = x %}{{ x }}{% set y = y %}{{ y }}{% set z = z|default('zz') %}{{ z }}
=====
{% set messages = messages[1:] %}{{ messages|length }}{% for m in messages %}{{ m.role }}{% endfor %}
=====
{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% set s = messages[0].content %}{% else %}{% set rest = messages %}{% endif %}{{ rest|length }}{{ s }}{{ s is defined }}
=====
{% macro a() %}{% set x = 'in' %}{{ x }}{% endmacro %}{{ a() }}{{ x }}
=====
{% set f = range %}{{ f(2)|list }}{% set u = x.upper %}{{ u() }}
=====
{{ [1, 2, 3][1:] + [4] }}{{ (1, 2)[0] }}{{ {'a': {'b': 'c'}}.a.b }}
=====
{{ 'a' if x == 'outer' else 'b' }}{{ 'a' if nope }}{{ ('a' if nope) is defined }}
=====
{% autoescape false %}{% set x = '<' %}{{ x }}{% endautoescape %}{{ x }}
""".strip("\n").split("\n=====\n")


def templates():
    for template in TEMPLATES:
        yield template
        # Line ends of other systems mean the same.
        if "\n" in template:
            yield template.replace("\n", "\r\n")
            yield template + "\n\n"
