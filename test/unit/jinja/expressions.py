# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small templates, produced systematically: every operator, filter, test and
method on values of every type."""

import itertools

VALUES = [
    "none", "true", "false", "0", "1", "(-3)", "7", "2.5", "(-0.5)", "1e20", "''", "'a'",
    "'Abc'", "'가나 다'", "[]", "[1, 'a']", "()", "(1, 2)", "{}", "{'a': 1, 'b': none}",
    "{1: 'x'}", "missing", "range(3)", "{'k': 2}.items()", "[3, 1]|map('abs')",
    "namespace(a=1)", "'<b>'|escape",
]
# Enough of each kind where pairs would be too many.
FEW = ["none", "true", "3", "2.5", "'Ab c'", "''", "[2, 1]", "{'b': 1, 'a': 2}", "missing"]

BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
          "and", "or"]

FILTERS = """abs attr('x') batch(2)|list capitalize center(9) count d('z') d('z',true) default
default('z',boolean=true) dictsort dictsort(by='value') dictsort(true,'key',true) e escape
filesizeformat filesizeformat(true) first float float(1.5) forceescape format format(1)
groupby(0)|list indent indent(2) indent('>',true) indent(1,blank=true) int int(9) int(base=16)
items|list join join('-') join(d=', ') last length list lower map('string')|list map|list
map(attribute='a')|list map(attribute=0,default='-')|list max min max(case_sensitive=true)
reject|list reject('none')|list rejectattr('a')|list replace('a','b') replace('','.')
replace('a','b',1) reverse|list reverse round round(1) round(0,'floor') round(1,'ceil')
round(-1) safe select|list select('string')|list select('equalto',1)|list selectattr('a')|list
selectattr('a','eq',1)|list slice(2)|list slice(2,'x')|list sort sort(reverse=true)
sort(attribute='a') sort(case_sensitive=true) string sum sum(start=1) sum('a') title tojson
tojson(indent=2) tojson(ensure_ascii=true) tojson(separators=(',',':')) tojson(sort_keys=true)
trim trim('a') truncate(2) truncate(7,true,'..') unique|list upper urlencode wordcount
upper|lower length|string nosuch default(1,2,3,4) default(foo=1) batch(0)|list
tojson(indent=0) tojson(indent='-') tojson(indent=none) join('-','a') attr('a')""".split()

TESTS = """boolean callable defined divisibleby(2) divisibleby(0) divisibleby escaped even false
filter float in([1,'a']) in('abc') integer iterable lower mapping none number odd sameas(none)
sameas(true) sequence string test true undefined upper eq(1) equalto(1) ne(1) lt(2) le(2) gt(2)
ge(2) greaterthan(0) lessthan(0) == nosuch""".split()

TEXTUAL = ("replace", "title", "upper", "wordcount", "capitalize", "lower", "center", "truncate",
           "trim", "string", "urlencode", "e", "safe", "forceescape", "format", "indent", "join")

STRINGS = ["''", "'abc'", "'  x y  '", "'a,b,,c'", "'Hello World-foo'", "'x\\ny\\r\\nz'", "'ß한é'",
           "'aXbXc'", "'-42'", "'ABC'", "'\\t tab'"]
METHODS = """capitalize() casefold() center(8) center(9,'*') count('b') count('') count('a',1)
endswith('c') endswith(('x','z')) endswith('b',0,2) expandtabs() expandtabs(2) find('b') find('zz')
find('',9) index('a') isalnum() isalpha() isascii() isdecimal() isdigit() islower() isnumeric()
isprintable() isspace() istitle() isupper() join(['1','2']) join('pq') join([1]) ljust(6) ljust(6,'.')
lower() lstrip() lstrip('a') partition('b') partition(',') removeprefix('ab') removesuffix('c')
replace('b','--') replace('','.') replace('b','-',1) replace('X','',0) rfind('b') rindex('X')
rjust(6) rjust(6,'0') rpartition(',') rsplit() rsplit(',') rsplit(',',1) rsplit(maxsplit=1)
rstrip() rstrip('cz') split() split(',') split(',',1) split(sep=',') split('') split(none,1)
split(1) splitlines() splitlines(true) startswith('a') startswith('b',1) startswith(('x','a'))
startswith('',9) strip() strip('ac') swapcase() title() upper() zfill(6) upper(1) nosuch nosuch()
x.y __class__ lower().upper() strip(chars='a') format('q') items()""".split()

OTHER = """[1,2,1].count(1) [1,2,1].index(2) [1,2].index(5) [1,2].index(2,-1) (1,2).count(2)
[1].append(2) [1].append [1].pop() {'a':1}.pop('a') {'a':1}.update {'a':1}.get('a')
{'a':1}.get('b') {'a':1}.get('b',7) {'a':1}.get(default=1) {'a':1}.get([1]) {'a':1}.keys()
{'a':1}.values() {'a':1}.items() {'a':1}.items()|length {'a':1}.keys()|list {'a':1}.copy()
{'a':1}.a {'a':1}.b {'a':1}.b.c {'a':1}['a'] {'a':1}['b'] {'a':1}['b'].c {'items':1}.items
{'items':1}['items'] {'a':{'b':[5,6]}}.a.b[1] {'a':{'b':[5,6]}}.a.b.1 [1,2][0] [1,2][-1] [1,2][5]
[1,2]['a'] [1,2][true] [1,2][1.0] 'abc'[1] 'abc'[-1] 'abc'[9] '한글'[1] none.x none['x'] 5.x
(1).real (2.5).is_integer() (2.0).is_integer() range(3)[1] range(9)[2:8:3] range(5)|list
range(2,8,3)|list range(5,0,-2)|list range(0) range(1,2,0) range(200000) range('a') range()
dict(a=1) dict([('a',1),('b',2)]) dict({'a':1},b=2) dict({'a':1},a=2) dict(5) dict.fromkeys([1,2])
dict.fromkeys('ab',0) namespace(a=1).a namespace(a=1).b namespace(a=1)['a'] namespace({'a':1},b=2)
namespace(_a=1) namespace namespace() cycler(1,2).next() cycler() cycler(1).current joiner()() joiner('|')
[1,2]+[3] [1]*3 (1,)+(2,) (1,) () [] {} {1:2,1:3} {1:1,1.0:2,true:3} {[1]:2} {(1,2):3}[1,2]
{'a':1}=={'a':1.0} [1,2]==(1,2) 1==true 1.0==1 'a'<'b' [1,2]<[1,3] [1,'a']<[2,1] (1,2)<(1,2,3)
1<2<3 1<3<2 1==1==1 3>2>=2 not_none not(1) not\u00201 1\u0020if\u0020true 1\u0020if\u0020false
(1\u0020if\u0020false)|default('d') 1\u0020if\u0020false\u0020else\u00202 1\u0020if\u0020x\u0020else\u00202\u0020if\u0020true\u0020else\u00203
raise_exception('no') raise_exception(1) raise_exception() strftime_now('%Y-%m-%d') strftime_now('%d\u0020%b\u0020%Y\u0020%H:%M:%S\u0020%j\u0020%A\u0020%p\u0020%%')
strftime_now('%f|%z|%Z|') strftime_now('') strftime_now(1) lipsum missing() missing.x 'a'() 5()
'a'.upper 'ab'|map('upper')|join [{'a':1},{'a':2}]|map(attribute='a')|sum
[{'a':{'b':1}},{'a':{}}]|map(attribute='a.b')|list [[1,2],[3,4]]|map(attribute=1)|list
[[1,2],[3,4]]|map(attribute='1')|list [[1,2],[3]]|map('first')|list [1,2]|map('add')|list
['a','B']|map('upper')|join(',') [1,2,3]|select('odd')|list [1,2,3]|select('>',1)|list
[1,2,3]|select('nosuch')|list [{'a':1},{'b':2}]|selectattr('a','defined')|list
[{'a':1},{'b':2}]|rejectattr('a','defined')|list [{'n':'b'},{'n':'A'}]|sort(attribute='n')
[{'n':'b','m':1},{'n':'A','m':1}]|sort(attribute='m,n') [{'n':1},{'n':1,'x':2},{'n':2}]|groupby('n')
([{'n':1},{'n':2}]|groupby('n'))[0].grouper ([{'n':1},{'n':2}]|groupby('n'))[0].list
([{'n':'a'},{'n':'A'},{}]|groupby('n',default='z'))|length [1,[2]]|unique|list [1,1.0,true,'1']|unique|list
['a','A']|unique|list ['a','A']|unique(true)|list [3,1,2]|sort|reverse|list ['b','A','c']|sort
['b','A','c']|sort(case_sensitive=true) [none,1]|sort [none,none]|sort [[2],[1]]|sort
[1,2,3,4,5]|batch(2,'x')|list [1,2,3,4,5]|slice(3)|list [1,2,3,4,5]|slice(3,'x')|list
'a\\nb'|indent 'a\\n\\nb\\n'|indent(2) 'a\\n\\nb'|indent(2,true,true) '"\\'\\\\'|tojson '"\\'\\\\'
['\\'','"','\\'"'] 'é\\u2028\\x7f\\x01'|tojson 'é\\ud7ff\\U0001f600'|tojson(ensure_ascii=true) {'é':1}|tojson
{1:2,none:3,true:4,2.5:5}|tojson {(1,2):3}|tojson (1,2)|tojson [[],{},[{}]]|tojson(indent=2)
[1,{'a':[2,3]}]|tojson(indent=1) range(2)|tojson missing|tojson namespace()|tojson 1e400|tojson
{'b':1,'a':2}|tojson(sort_keys=true) {'b':1,1:2}|tojson(sort_keys=true) {'a':1}|tojson(indent=2,separators=(',',':'))
'%s'%'a' '%s\u0020%s'%(1,2) '%d'%2.7 '%05d|%-5d|%+d'%(3,4,5) '%.2f'%1.005 '%e'%12345.678 '%g'%0.0001
'%x|%X|%o|%#x'%(255,255,8,255) '%(a)s'%{'a':1} '%s'%[1] '%s'%(1,2) '%s\u0020%s'%(1,) '%'%1 '%q'%1 '%%'%()
'%5s|%-5s|'%('a','b') '%.1s'%'abc' '%r'%'a' '%c'%'a' '%c'%65 '%d'%'a' '%f'%'a' '%*d'%(5,3) 'a'%5 'a'%[]
'%s'|format(1) '%s\u0020%s'|format(1,2) '%(x)s'|format(x=1) '%s'|format(1,x=2) '{}'.format(1)
'{0}{1}{0}'.format('a','b') '{x}'.format(x=1) '{:>5}|{:<5}|{:^5}|{:*^5}'.format(1,2,3,4)
'{:05d}|{:+}|{:x}|{:#x}|{:,}'.format(3,4,255,255,1234567) '{:.2f}|{:e}|{:g}|{:%}'.format(1.005,1.5,1e-5,0.5)
'{!r}'.format('a')   '{'.format() '}'.format() '{{}}'.format()
'{}{0}'.format(1) '{}'.format() '{x}'.format() '{:{}}'.format('a',5) '{:q}'.format(1) '{:5}'.format([]) '{:5}'.format(true)
'{:,.2f}|{:_}|{:08,}'.format(1234.5,1234567,1234) '{}'.format(none) '{:5}'.format(none) '{:10}|{:>10}|{:.2}'.format('abc','abc','abc')
1/3 2/1 7//2 -7//2 7//-2 7%3 -7%3 7%-3 7.5//2 -7.5%2 7.5%-2 1//0 1%0 1/0 1.0//0 2**10 2**-1 2**0.5 0**-1 -2**2
2**3**2  9007199254740993 9007199254740993==9007199254740992.0 9223372036854775807 -9223372036854775807
0x1f 0o17 0b101 1_000 1e3 1.5e-7 1E5 00 0.1+0.2 1e16 1e15 123456789012345680.0 1e-5 0.0001 100.0 1.0 -0.0 5e-324 1.7976931348623157e308
0.1 1/7 1e22 1e23 2.5|round 3.5|round -2.5|round 1.005|round(2) 2.675|round(2) 1234.5|round(-2) 1250|round(-2) 1350|round(-2) 15|round(-1)
25|round(-1) -15|round(-1) 1e300|round(2) 5|round(3) true|round 2.567|round(2,'floor') 2.561|round(2,'ceil') 7|round(1,'ceil') 1.5|round(method='x')
'12'|int '\u002012\u0020'|int '1_0'|int '1__0'|int '0x1f'|int '0x1f'|int(base=16) '1f'|int(0,16) '101'|int(base=2) '0b101'|int(base=0)
'010'|int '010'|int(base=0) '1e3'|int '12.7'|int '-12.7'|int 'x'|int 'x'|int('d') ''|int 1e3|int 'inf'|int 'nan'|int '1e400'|int
'1.5'|float '\u00201e3\u0020'|float 'x'|float 'x'|float(1) 'inf'|float '-Infinity'|float 'nan'|float '1_0.5'|float '.5'|float '5.'|float
'0x1'|float ''|float '+1'|float '+-1'|float [1]|float none|int none|float
'a'~1~none~true~1.0~[] 'a'\u0020'b' 'a'"b" "it's" 'tab\\there' '\\x41\\u0042\\U00000043\\101' '\\q' '\\é' '\\
a' '\\'' "\\"" '\\x4'  '\\N{DASH}' 'a\\\\b' '\u00e9' '日本'
'a'|upper|lower|title|capitalize|trim|length 'hELLO\u0020wORLD-foo\u0020(bar)\u0020x[y'|title 'hELLO\u0020wORLD-foo'|capitalize
"they're".title() 'ǆ'|upper 'ǆ'|title 'ß'|upper 'ß'.capitalize() 'ŉ'.upper() 'ﬁ'.title() 'İ'|lower 'ΑΣ'|lower 'ΑΣΑ'|lower 'Σ'|lower 'éÉ'.swapcase()
'straße'.casefold() 'ÀÉ'|lower 'àé'|upper 'я'|upper '가'|upper  'a\u00a0b'.split() '\u3000x\u3000'|trim 'a\u2028b'.splitlines()
['\x7f','\xa0','\xad','\u200b','\u3000','\ue000','\ufeff','é','한','😀','\t'] {'a':'\u202e'} ('\x00',)
(1,2)|join [1,none,true]|join('-') {'a':1,'b':2}|join(',') missing|join 5|join 'abc'|join('-') 'abc'|list {'b':2,'a':1}|dictsort {'b':1,'A':2}|dictsort
{'b':1,'A':2}|dictsort(true) {'b':1,'a':2}|dictsort(by='value') {'b':1,'a':2}|dictsort(by='x') {1:1,'a':2}|dictsort
'<a>&"\\''|e '<a>'|e|e ('<a>'|e)+'<b>' '<b>'+('<a>'|e) ('<a>'|e)~'<b>' ['<'|e] '<'|e|length ('<'|e)*2 ('<a>'|e).upper() ('<a>'|e).replace('a','<') '<'|safe|e
'a\u0020b&c/d?é'|urlencode {'a':'x\u0020y','b':1}|urlencode [('a',1)]|urlencode 5|urlencode 'a\u0020b\u0020c_d'|wordcount 'hello\u0020world\u0020foo'|truncate(9)
'hello\u0020world\u0020foo'|truncate(9,true) 'hello\u0020world'|truncate(9) 'hello\u0020world'|truncate(9,leeway=0) 'hello'|truncate(1) 1000|filesizeformat 1|filesizeformat
1536|filesizeformat(true) 1e30|filesizeformat 999999|filesizeformat 'a'|filesizeformat 0|filesizeformat
1\u0020is\u0020odd 1\u0020is\u0020not\u0020odd 1\u0020is\u0020divisibleby\u00203 9\u0020is\u0020divisibleby\u00203 1\u0020is\u0020in\u0020[1] 1\u0020is\u0020not\u0020in\u0020[1] not\u00201\u0020is\u0020odd
1\u0020is\u0020odd\u0020and\u0020true 'a'\u0020is\u0020string\u0020or\u0020x.y 1\u0020is\u0020sameas\u00201 1\u0020is\u0020sameas\u0020true 1\u0020is\u0020odd\u0020is\u0020true 1+1\u0020is\u0020odd -1|abs -1\u0020is\u0020odd
'upper'\u0020is\u0020filter 'nosuch'\u0020is\u0020filter 'odd'\u0020is\u0020test 'x'\u0020is\u0020eq\u0020'x' 1\u0020is\u0020gt\u00200 'a'\u0020is\u0020in\u0020'abc' range\u0020is\u0020callable dict\u0020is\u0020mapping
'a'\u0020in\u0020'abc' 1\u0020in\u0020[1.0] 1\u0020in\u0020{1:2} 1\u0020in\u0020'1' none\u0020in\u0020[none] 'x'\u0020in\u0020missing missing\u0020in\u0020[1] ('a',1)\u0020in\u0020{'a':1}.items() 2\u0020in\u0020range(3) [1]\u0020in\u0020{1:2}
missing==missing missing!=missing missing==none [missing] missing~'a' missing+1 1+missing missing<1 -missing missing\u0020or\u0020'x' missing\u0020and\u0020x.y {missing:1} missing[0] missing[1:]
'{}' [1,2,3,] {'a':1,} (1,2,) f(1 [1 {'a' {'a':} [1,,2] (1,2 1+ +1 - ~ 'a 'abc"def" @ a.b. a..b a.1.2 a[ a[] a[1,2] x(*1) x(**1) dict(**{'a':1}) range(*[1,3])|list
dict(**{'a':1},b=2) dict(a=1,**{'a':2}) dict(a=1,a=2) range(1,*[2]) range(*[1],2) range(a=1) 1;2 a=1 {{}} !a a!=b a<>b a&&b a|b|c a|upper|b""".split()

SLICED = ["'abcdef'", "[1, 2, 3, 4, 5]", "(1, 2, 3)", "range(6)", "'가나다라'", "''", "[]"]
BOUNDS = ["", "0", "2", "-2", "9", "-9", "none"]
STEPS = ["", ":", ":1", ":2", ":-1", ":-2", ":9"]
# Of variables: Jinja folds constants by other rules.
BAD_SLICES = ["none[1:]", "5[:1]", "{'a': 1}[:1]", "missing[1:]", "'a'['x':]", "[1][:1.5]", "[1][::0]",
              "[1][true:]", "[1, 2][9223372036854775807:]", "[1, 2][::-9223372036854775807]",
              "range(3)[1:][0]"]


def templates():
    for op in BINARY:
        for a, b in itertools.product(VALUES, VALUES):
            # Views are sets where they are subtracted or have an order, which
            # nothing else here is.
            if op[0] in "-<>" and "items()" in a + b:
                continue
            yield f"{{{{ {a} {op} {b} }}}}"
    for a, b in itertools.product(["2", "(-2)", "0", "2.0", "0.5", "true", "'a'", "missing"], repeat=2):
        # A root that is no float.
        if (a, b) != ("(-2)", "0.5"):
            yield f"{{{{ {a} ** {b} }}}}"
    for value in VALUES:
        for form in ("{{ %s }}", "{{ [%s] }}", "{{ not %s }}", "{{ -%s }}", "{{ +%s }}",
                     "{%% if %s %%}y{%% else %%}n{%% endif %%}", "{%% for x in %s %%}{{ x }},{%% endfor %%}",
                     "{{ %s.x }}", "{{ %s['x'] }}", "{{ %s[0] }}", "{{ %s() }}", "{%% set x, y = %s %%}{{ y }}{{ x }}"):
            yield form % value
        for name in FILTERS:
            # What the address of a generator would be in, and ints of more than 64 bits.
            if not ("map" in value and name.startswith(TEXTUAL)) and not (
                    value == "1e20" and name.startswith("int")):
                yield f"{{{{ {value}|{name} }}}}"
        for name in TESTS:
            if not ("map" in value and name in ("lower", "upper")):
                yield f"{{{{ {value} is {name} }}}}"
    for value, name in itertools.product(STRINGS, METHODS):
        yield f"{{{{ {value}.{name} }}}}"
        yield f"{{{{ ({value}.{name}|string)|tojson }}}}"
    for text in OTHER:
        yield "{{ " + text + " }}"
        yield "{{ [" + text + "] }}"
    for of, start, stop, step in itertools.product(SLICED, BOUNDS, BOUNDS, STEPS):
        yield f"{{{{ {of}[{start}:{stop}{step}] }}}}"
    for text in BAD_SLICES:
        of, _, rest = text.partition("[") if not text.startswith("[") else text.partition("][")
        of += "]" if of.startswith("[") else ""
        yield f"{{% set v = {of} %}}{{{{ v[{rest} }}}}"
