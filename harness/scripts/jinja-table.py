"""
Makes harness/fixtures/jinja-table.json: what Python's jinja2, set up as transformers sets it up for chat templates, makes of many
templates; null where it refuses one.

Run from the root of the repository with a Python that has transformers:
python harness/scripts/jinja-table.py
"""
import copy
import json

from transformers.utils.chat_template_utils import _compile_jinja_template

OUT = "harness/fixtures/jinja-table.json"

CONTEXT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  Hi\n\n there  "},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\n    code", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1, "b": [True, None, 1.5, "é\"<"]}}}]},
        {"role": "tool", "content": None},
    ],
    "bos_token": "<s>",
    "eos_token": "</s>",
    "add_generation_prompt": True,
    "s": "Hello, World",
    "t": "\n\n  padded text \t\n",
    "u": "Straße ÉCOLE ﬁ ŉ 你好 😀",
    "n": 7,
    "f": 2.5,
    "yes": True,
    "no": False,
    "nil": None,
    "l": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "e": [],
    "d": {"b": 2, "a": [1, {"x": None}], "C": "c"},
    "ds": [{"n": "x", "v": 3, "on": True}, {"n": "y", "v": 1, "on": False}, {"n": "z", "v": 2}],
    "big": 12345678901234,
}

EXPRESSIONS = r"""
true
True
false
none
None
[true, false, none]
{'a': true, 'b': none}
(1, 'a', none)
(1,)
()
1 == 1
1 == 1.0
1.0
1e3
1E-5
1.5e10
1_000
0x1F
0b11
0o17
-1
- 1
+1
--1
1/3
4/2
7//2
-7//2
7%3
-7%3
7.5//2
-7.5%2
2**10
2**-1
2**0.5
2**3**2
-2**2
n * 2
n + f
f * 2
big * 10
1/0
10000000000000000.0
1e16
1e-7
0.1 + 0.2
100.0
1e100
'a' + 'b'
'a' ~ 1 ~ true ~ none ~ 1.5 ~ [1, 'x']
'a' ~ 1 + 2
1 ~ 2
'a' * 3
3 * 'ab'
[1] * 2
[1] + [2, 'x']
(1, 2) + (3,)
'a' + 1
1 + '1'
none + 1
'a' 'b'
"it's"
'say "x"'
['it\'s', "a\"b", 'a\\b', 'new\nline', 'tab\t', 'é', '\x07', '😀']
'\u00e9\x41\n\t\\'
'\q'
'a\
b'
'{{ x }}'
'}}'
"{%"
{'k': '}}'}
1 < 2 < 3
3 > 2 > 2
1 < 2 == true
1 < n <= 7
1 in [1] in [[1]]
'ell' in s
'x' not in s
2 in l
2.0 in l
'a' in d
'z' in d
none in [none]
not 1
not not ''
not 1 == 2
not yes and no
yes and 'x'
no and 'x'
'' or 'y'
nil or 0 or 'z'
1 and 2 or 3
yes or undefined_thing
1 if yes else 2
1 if no
'a' if no else 'b' if no else 'c'
(1 if yes) + 1
undefined_thing
undefined_thing.x
undefined_thing is defined
undefined_thing == none
undefined_thing == undefined_other
undefined_thing ~ 'x'
undefined_thing + 'x'
undefined_thing|length
undefined_thing|default('d')
d.missing
d.missing.deeper
d['missing']
d.missing is defined
d.b
d['b']
d.a[1].x
d.a[1]['x'] is none
d.items
l[0]
l[-1]
l[5]
l.0
l[1:]
l[:2]
l[::-1]
l[::2]
l[-2:]
l[1:2:1]
l[5:]
l[:]
l[n]
s[0]
s[-1]
s[1:4]
s[::-1]
s[100]
u[-1]
u[-3:]
u|length
u|upper
u|lower
u|title
u|capitalize
s.upper()
s.lower()
s.title()
s.capitalize()
s.swapcase()
s.strip('Hd')
t.strip()
t.lstrip()
t.rstrip()
t.strip('\n')
t.lstrip('\n')
t.rstrip('\n\t ')
t.strip(none)
'xxaxx'.strip('x')
'abcabc'.rstrip('cb')
'www.example.com'.strip('cmowz.')
s.split(',')
s.split(', ')
t.split()
t.split('\n')
' a  b c '.split(none, 1)
' a  b c '.split(maxsplit=1)
'a-b-c'.split('-', 1)
'a-b-c'.rsplit('-', 1)
'a-b-c'.rsplit('-')
'a b'.split('')
'a,b'.split(',')[-1]
'a\nb\r\nc'.splitlines()
'a\nb'.splitlines(true)
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'abc'.partition('x')
s.replace('l', 'L')
s.replace('l', 'L', 1)
'abc'.replace('', '-')
s.find('o')
s.find('zz')
s.rfind('o')
s.index('o')
s.index('zz')
s.count('l')
s.startswith('He')
s.startswith(('x', 'He'))
s.startswith('l', 2)
s.endswith('ld')
s.endswith(('x', 'y'))
s.isdigit()
'123'.isdigit()
'12a'.isalnum()
'abc'.isalpha()
'  '.isspace()
'ABC'.isupper()
'abc'.islower()
'Title Case'.istitle()
'a'.join(['x', 'y'])
', '.join(l)
'-'.join('abc')
'x'.center(5, '*')
'x'.ljust(3) ~ '|'
'x'.rjust(3) ~ '|'
'7'.zfill(3)
'-7'.zfill(4)
'%s and %d' % ('a', 3)
'%05.2f|%x|%r|%%' % (3.14159, 255, 'q')
'%s' % 'x'
'{} {}'.format(1, 'a')
'{1} {0}'.format(1, 'a')
'{x:>5}|{y:.2f}'.format(x='a', y=3.14159)
'{:05d} {:,} {:e}'.format(42, 1234567, 1234.5)
'{0!r}'.format('a')
'a'.encode('utf-8')
'abc'.removeprefix('a')
'abc'.removesuffix('c')
'a\tb'.expandtabs(4)
'ß'.casefold()
s.__class__
s._x
d.keys()
d.values()
d.items()
d.keys()|list
d.items()|list
d.get('b')
d.get('zz')
d.get('zz', 5)
d.update({'q': 1})
d.pop('b')
l.append(4)
l.index(1)
l.count(1)
l.copy()
l|length
l|count
l|first
l|last
e|first
e|last
l|sum
ds|sum(attribute='v')
l|sum(start=10)
l|min
l|max
words|min
e|max
l|sort
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
ds|sort(attribute='v')
ds|map(attribute='n')|list
ds|map(attribute='v')|sum
ds|map(attribute='on', default='?')|list
ds|map('upper')|list
words|map('upper')|list
words|map('replace', 'p', 'b')|join(' ')
words|map('length')|list
ds|selectattr('on')|list
ds|selectattr('v', '>', 1)|map(attribute='n')|join(',')
ds|selectattr('v', 'gt', 1)|map(attribute='n')|list
ds|selectattr('n', 'equalto', 'x')|list|length
ds|selectattr('n', 'in', ['x', 'z'])|map(attribute='n')|list
ds|rejectattr('on')|map(attribute='n')|list
ds|rejectattr('n', 'eq', 'x')|list|length
ds|selectattr('on', 'defined')|list|length
l|select('odd')|list
l|reject('odd')|list
l|select('gt', 1)|list
l|select|list
[0, 1, '', 'a']|select|list
l|join
l|join(', ')
[1, none, true, 1.0]|join('-')
ds|join('-', attribute='n')
l|reverse|list
s|reverse
words|unique|list
[1, 1.0, 2, 2]|unique|list
words|unique(case_sensitive=true)|list
words|groupby('0')|list
ds|groupby('on')|list|length
l|batch(2)|list
l|batch(2, 'x')|list
l|slice(2)|list
l|string
1|string
1.0|string
true|string
none|string
'12'|int
'x'|int
'x'|int(5)
'1.9'|int
' 7 '|int
1.9|int
-1.9|int
true|int
'ff'|int(base=16)
'1.5'|float
'x'|float
1|float
'x'|float(2.5)
3.7|round
3.2|round
2.5|round
3.14159|round(2)
3.7|round(0, 'floor')
3.2|round(method='ceil')
7|round
-3|abs
-3.5|abs
s|upper
s|lower
s|title
'hello wORLD foo-bar'|title
'it\'s'|title
s|capitalize
s|length
t|trim
t|trim('\n')
'xxaxx'|trim('x')
s|replace('l', 'L')
s|replace('l', 'L', 1)
s|list
d|list
d|length
d|items
d|items|list
d|dictsort
d|dictsort(by='value')
{'b': 2, 'a': 1}|dictsort(reverse=true)
{'b': 1, 'a': 2}|dictsort(by='value')
s|truncate(5)
'a long text here to cut'|truncate(12)
'a long text here to cut'|truncate(12, true)
'a long text'|wordcount
'a long text here'|wordwrap(6)
'%s-%s'|format('a', 1)
'%(x)s'|format(x=2)
s|center(20)
'a\nb\n\nc'|indent
'a\nb\n\nc'|indent(2)
'a\nb\n\nc'|indent(2, true)
'a\nb\n\nc'|indent(2, first=true, blank=true)
'a\nb'|indent('> ')
'<a href="x">&\'</a>'|escape
'<b>'|e
'<b>'|safe
'<p>a  b</p>'|striptags
'a b&c/d'|urlencode
{'a b': 1}|urlencode
1000000|filesizeformat
s|default('x')
''|default('x')
''|default('x', true)
none|default('x')
nil|d('x')
d|tojson
d|tojson(indent=2)
d|tojson(indent=4)
messages[2]|tojson
messages[2].tool_calls[0].function.arguments|tojson
u|tojson
u|tojson(ensure_ascii=true)
[1.0, 1e20, 1e-7, true, none]|tojson
{'b': 1, 'a': 2}|tojson(sort_keys=true)
[1, {'a': 2}]|tojson(separators=(',', ':'))
[]|tojson(indent=2)
{}|tojson
'</script>'|tojson
(1, 2)|tojson
{1: 2, none: 3, true: 4}|tojson
{1: 'a'}[1]
{1: 'a', 'b': 2}
{'a': 1, 'a': 2}
[[1, 'a'], {'b': [none]}]
d
ds[0]
messages[3]
''
[]
{}
[1.0, 2, 1e20]
l|pprint
d|attr('b')
s|first
s|last
'abc'|random|length
l|list|length
range(3)
range(3)|list
range(1, 8, 3)|list
range(3, 0, -1)|list
range(100001)
range(5)|length
range(5)[2]
dict(a=1, b='x')
dict(d, q=1)|length
namespace(a=1).a
lipsum is callable
cycler('a', 'b').next()
joiner(',')()
1 is odd
2 is even
7 is divisibleby 7
7 is divisibleby(2)
n is number
f is float
n is integer
yes is integer
yes is number
yes is boolean
yes is true
1 is true
no is false
nil is none
s is string
l is sequence
s is sequence
d is mapping
l is iterable
d is iterable
n is iterable
s is iterable
range is callable
1 is sameas 1
none is sameas none
1 is eq 1
1 is equalto 2
1 is ne 2
2 is gt 1
2 is ge 2
1 is lt 2
1 is le 0
1 is in [1, 2]
3 is not in [1]
'abc' is lower
'ABC' is upper
s is not string
s is not none and l is not mapping
undefined_thing is undefined
'tojson' is filter
'odd' is test
1 is not odd or 2
-1|abs
-n|abs
(-n)|abs
1 + 2 * 3 - 4 / 2
(1 + 2) * 3
2 * 3 ** 2
10 - 3 - 2
100 / 10 / 2
1 + 1 ~ 1 + 1
'a' in 'abc' and not 'z' in 'abc'
'%s' % [1]
not none is none
l == [3, 1, 2]
[1, 2] == (1, 2)
d == {'C': 'c', 'a': [1, {'x': none}], 'b': 2}
'a' == 'a '
1 == '1'
none == false
0 == false
1 == true
'a' < 'b'
'a' < 'B'
[1, 2] < [1, 3]
1 < 'a'
none < 1
'é' < 'z'
l and 'full' or 'empty'
e and 'full' or 'empty'
0.0 or 'zero'
1 if l else 2
messages[0].role == 'system' and messages|length > 1
messages[1:][0].content|trim
messages[-1].content
messages[-1]['content'] is none
messages|map(attribute='role')|join(' ')
messages|selectattr('role', 'equalto', 'user')|list|length
(messages|selectattr('role', 'equalto', 'user')|first).content
messages[2].content.split('</think>')[-1].lstrip('\n')
messages[2].content.split('</think>')[0].split('<think>')[-1].strip('\n')
raise_exception('no')
""".strip("\n").replace("\\\n", "\\\x00").split("\n")
EXPRESSIONS = [e.replace("\\\x00", "\\\n") for e in EXPRESSIONS]

TEMPLATES = [
    "", "\n", "a\n", "a\n\n", "plain {text} {", "{", "{ {", "a\r\nb\r\n{{ 1 }}\r\n", "{{ '' }}", "{{}}", "{{ 1 2 }}", "{% if %}", "{% nope %}", "{{ 1", "{% if 1 %}x", "{# c", "{% endif %}",
    "{# comment #}x", "a{# c #}b", "  {# c #}  \nb", "a {#- c -#} b", "{# {{ x }} #}y", "x\n  {# c #}\ny", "a{# c #}\nb",
    "{{ 1 }}\nx", "  {{ 1 }}\nx", "a\n  {{- 1 -}}  \n b", "a {{- 1 }} b", "a {{ 1 -}} b", "{{+ 1 }}", "{{ 1 +}}x",
    "{% if yes %}\nx\n{% endif %}\ny", "  {% if yes %}\n  x\n  {% endif %}\ny", "a  {% if yes %}\n  x\n {% endif %}\ny", "{%- if yes -%}\n x \n{%- endif -%}\n y",
    "  {%+ if yes %}x{% endif %}", "{% if yes +%}\nx{% endif %}", "a\n\n  {%- if yes %}\n\nx{% endif %}", "\t{% if yes %}x{% endif %}\t\n", "{% if yes %}a{% endif %} \nb", "\u00a0{%- if yes %}x{% endif %}", "x\u2003 \x1f{{- 1 }}", "x\ufeff{{- 1 }}",
    "{% if no %}a{% elif yes %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% else %}c{% endif %}", "{% if l %}full{% endif %}", "{% if e %}full{% else %}empty{% endif %}", "{% if nil %}x{% elif undefined_thing %}y{% endif %}z",
    "{% for x in l %}{{ x }}{% endfor %}", "{% for x in l %}\n{{ x }}\n{% endfor %}", "{% for x in e %}a{% else %}none{% endfor %}", "{% for x in undefined_thing %}a{% else %}none{% endfor %}", "{% for x in none %}a{% endfor %}", "{% for x in 3 %}a{% endfor %}",
    "{% for c in 'héy' %}{{ c }}.{% endfor %}", "{% for k in d %}{{ k }},{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|dictsort %}{{ k }},{% endfor %}", "{% for k, v in d|items %}{{ k }},{% endfor %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }};{% endfor %}", "{% for a, b in [(1, 2, 3)] %}x{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for x in l if x > 1 %}{{ x }}:{{ loop.index }}/{{ loop.length }} {% endfor %}", "{% for x in l if x > 5 %}a{% else %}none{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}", "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in l %}{{ loop.previtem is defined }} {% endfor %}",
    "{% for x in l %}a{{ x }}{% if x == 1 %}{% break %}{% endif %}b{% endfor %}", "{% for x in l %}a{{ x }}{% if x == 1 %}{% continue %}{% endif %}b{% endfor %}", "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}none{% endfor %}", "{% for x in l %}{% for y in l %}{{ y }}{% break %}{% endfor %};{% endfor %}", "{% for x in l %}{% continue %}{% else %}none{% endfor %}", "{% for x in [1, 2] %}{% for y in [1, 2] %}{{ loop.index }}{{ x }}{% endfor %}{{ loop.index }}{% endfor %}", "{% break %}",
    "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% endfor %}", "{% for i in range(3) %}{{ i }}{% endfor %}", "{% for x in l|sort %}{{ x }}{% endfor %}", "{% for x in l %}{{ loop }}{% endfor %}", "{% for m in messages[::-1] %}{{ m.role }} {% endfor %}", "{% for x in l %}{% set y = x %}{% endfor %}{{ y }}", "{% set y = 0 %}{% for x in l %}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}", "{% for x in l %}{{ x }}{% endfor %}{{ x }}", "{% set x = 9 %}{% for x in l %}{% endfor %}{{ x }}", "{% for loop in l %}{{ loop }}{% endfor %}",
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x %} body {{ n }} {% endset %}[{{ x }}]", "{% set x | upper %}body{% endset %}{{ x }}", "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}", "{% set x = [1] %}{{ x }}{% set x = x + [2] %}{{ x }}", "{% set d.x = 1 %}", "{% set l[0] = 1 %}", "{% set x = yes if no else none %}{{ x }}", "{% set x = 'a' 'b' %}{{ x }}", "{% set x = (1, 2) %}{{ x }}", "{% set x = 1, 2 %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}", "{% set ns = namespace() %}{% set ns.list = [] %}{% set ns.list = ns.list + [1] %}{{ ns.list }}", "{% set ns = namespace(found=false) %}{{ ns.found }}{{ ns.missing is defined }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m() %}{{ caller() }}!{% endmacro %}{% call m() %}in{% endcall %}", "{% macro m() %}{{ caller(5) }}{% endmacro %}{% call(x) m() %}<{{ x }}>{% endcall %}", "{% macro m() %}{{ s }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ y }}{% endmacro %}{% set y = 5 %}{{ m() }}", "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "{% macro m() %}  x  {% endmacro %}{{ m()|trim }}.", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m() %}x{% endmacro %}{{ m }}", "{% macro m() %}x{% endmacro %}{{ m.name }}", "{{ m() }}{% macro m() %}x{% endmacro %}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m() %}<b>{% endmacro %}{{ m() ~ '&' }}", "{% macro m() %}a{% endmacro %}{{ m() + 'b' }}{{ m()|length }}{{ m() is string }}", "{% for x in l %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% filter upper %}abc {{ n }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}abc{% endfilter %}", "{% with x = 1 %}{{ x }}{% endwith %}{{ x }}", "{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}", "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}", "{% raw %}{{ x }}{% if %}{% endraw %}", "  {%- raw -%}  {{ x }}  {%- endraw -%}  y", "{% raw %}\na\n{% endraw %}\nb", "{% generation %}abc{% endgeneration %}", "a\n{% generation %}\nabc\n{% endgeneration %}\nb", "x {%- generation -%} y {%- endgeneration -%} z", "{% generation %}{{ s }}{% set q = 1 %}{% endgeneration %}{{ q }}", "{% do l.append(1) %}", "{% include 'x' %}", "{% block b %}x{% endblock %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}", "{% print 1 %}", "{% print 1, 'a' %}",
    "{{ s if s is defined else 'x' }}", "{{ [x for x in l] }}", "{{ l|map('string')|join }}", "{{ messages[0]['role'] + '\\n' }}", "{{- bos_token }}\n{%- for m in messages %}\n{{ '<|' + m['role'] + '|>' }}\n{%- endfor %}", "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content']|trim + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}{% endfor %}",
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + (message['content'] or '') + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "{%- for message in messages %}\n    {%- if message.tool_calls %}\n        {%- for tool_call in message.tool_calls %}\n            {%- if tool_call.function is defined %}\n                {%- set tool_call = tool_call.function %}\n            {%- endif %}\n            {{- '\\n<tool_call>\\n{\"name\": \"' }}\n            {{- tool_call.name }}\n            {{- '\", \"arguments\": ' }}\n            {{- tool_call.arguments | tojson }}\n            {{- '}\\n</tool_call>' }}\n        {%- endfor %}\n    {%- endif %}\n{%- endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{{ message.role }}{% endfor %}",
    "{{ '%s' % strftime_now('%Y')|length }}", "{% if tools is defined and tools %}x{% else %}y{% endif %}", "{{ s }}{# trailing #}\n", "{{ 'a' }}\n\n{{ 'b' }}\n", "{% set x = 'a' -%}\n  b", "x{% set a = 1 %}\n\ny", "{{ {'a': {'b': 1}}.a.b }}", "{{ {'a': 1}['a'] }}{{ {'a': 1}.a }}", "{{ l|length > 2 and l[0] > 1 }}", "{{ (l|length) - 1 }}", "{{ l|length - 1 }}", "{{ -l|length }}", "{{ not l|length }}", "{{ l|first|string ~ 'x' }}", "{{ 'x'|upper ~ 'y'|upper }}", "{{ s.split(',')|map('trim')|list }}", "{{ s .upper() }}", "{{ s[0:2].lower() }}", "{{ d.items()|map('first')|list }}", "{{ d.get('a')[1].get('x', 'y') }}", "{{ (s ~ 'x').upper() }}", "{{ ('a', 'b')[1] }}", "{{ 'a,b'.split(',')[1].upper() }}", "{{ dict(a=1).a }}", "{{ l[0] + l[-1] * 2 }}", "{{ l[l|length - 1] }}", "{{ l[:-1] }}", "{{ messages[messages|length - 1].role }}",
]


def expected(template):
    try:
        text = _compile_jinja_template(template).render(**copy.deepcopy(CONTEXT))
        # Nobody can write the address of an object alike.
        return None if " at 0x" in text else text
    except Exception:  # whatever the reason, it is refused
        return None


rows = [{"template": "{{ " + e + " }}", "expected": expected("{{ " + e + " }}")} for e in EXPRESSIONS]
rows += [{"template": t, "expected": expected(t)} for t in TEMPLATES]
import os
os.makedirs(os.path.dirname(OUT), exist_ok=True)
with open(OUT, "w") as out:
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    out.write(f'{{"context": {json.dumps(CONTEXT, ensure_ascii=False)}, "rows": [\n{lines}\n]}}\n')
print(len(rows), sum(row["expected"] is None for row in rows))
