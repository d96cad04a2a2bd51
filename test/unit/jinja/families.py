# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Templates in our own words, each with what a model family's uses of the language."""

CHATML = """\
{% for message in messages %}{% if loop.first and message['role'] != 'system' %}{{ '<|im_start|>system\\nBe helpful.<|im_end|>\\n' }}{% endif %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

LLAMA3 = """\
{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not in_user_turn is defined %}
    {%- set in_user_turn = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "1 Jan 2025" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{#- The first system message goes into the header. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|header|>system<|end|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: tools\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{%- if tools is not none and not in_user_turn %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system }}
{{- "<|eot|>" }}
{%- if in_user_turn and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first = messages[0]['content']|trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("There is no first user message to put the tools into!") }}
    {%- endif %}
    {{- '<|header|>user<|end|>\\n\\n' -}}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first + "<|eot|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|header|>' + message['role'] + '<|end|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("One call at a time!") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|header|>assistant<|end|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|header|>ipython<|end|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|header|>assistant<|end|>\\n\\n' }}
{%- endif %}
"""

QWEN3 = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Functions\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(looking=true, last_query=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.looking and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.looking = false %}
        {%- set ns.last_query = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query and (loop.last or reasoning) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- for call in message.tool_calls or [] %}
            {%- if (loop.first and content) or (not loop.first) %}
                {{- '\\n' }}
            {%- endif %}
            {%- if call.function %}
                {%- set call = call.function %}
            {%- endif %}
            {{- '<tool_call>\\n{"name": "' ~ call.name ~ '", "arguments": ' }}
            {%- if call.arguments is string %}
                {{- call.arguments }}
            {%- else %}
                {{- call.arguments | tojson }}
            {%- endif %}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

EXAONE35 = """\
{% for message in messages %}{% if loop.first and message['role'] != 'system' %}{{ '[|system|][|endofturn|]\\n' }}{% endif %}{{ '[|' + message['role'] + '|]' + message['content'] }}{% if message['role'] == 'user' %}{{ '\\n' }}{% else %}{{ '[|endofturn|]\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}"""

EXAONE4 = """\
{%- if not skip_think is defined %}
  {%- set skip_think = true %}
{%- endif %}
{%- set role_marks = {
    'user': '[|user|]',
    'assistant': '[|assistant|]',
    'system': '[|system|]',
    'tool': '[|tool|]'
} %}
{%- set ends = namespace(last=-1) %}
{%- for msg in messages %}
    {%- if msg.role in ['user', 'system'] %}
        {%- set ends.last = loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- macro declare(tools) %}
# 도구
    {%- for tool in tools %}

<tool>{{ tool.function | default(tool) | tojson(ensure_ascii=False) }}</tool>
    {%- endfor %}
{%- endmacro %}
{%- for i in range(messages | length) %}
    {%- set msg = messages[i] %}
    {%- set role = msg.role %}
    {%- if role not in role_marks %}
        {{- raise_exception('Unknown role: ' + role) }}
    {%- endif %}
    {%- if i == 0 %}
        {%- if role == 'system' %}
            {{- role_marks['system'] + '\\n' + msg.content }}
            {%- if tools is defined and tools %}
                {{- "\\n" + declare(tools) }}
            {%- endif %}
            {{- '[|endofturn|]\\n' }}
            {%- continue %}
        {%- elif tools %}
            {{- role_marks['system'] }}{{ declare(tools) }}{{- '[|endofturn|]\\n' }}
        {%- endif %}
    {%- endif %}
    {%- if role == 'assistant' %}
        {{- role_marks['assistant'] + '\\n' }}
        {%- set text = msg.content or '' %}
        {%- if '</think>' in text %}
            {%- set parts = text.split('</think>', 1) %}
            {%- if i > ends.last and not skip_think %}
                {{- parts[0].strip() ~ '\\n</think>\\n\\n' }}
            {%- else %}
                {{- '<think>\\n\\n</think>\\n\\n' }}
            {%- endif %}
            {%- set text = parts[-1].strip() %}
        {%- endif %}
        {{- text }}
        {%- if msg.tool_calls %}
            {%- for call in msg.tool_calls %}
                {%- set function = call.function if call.function is defined else call %}
                {{- '\\n<tool_call>' }}{{ {'name': function.name, 'arguments': function.arguments} | tojson }}{{ '</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '[|endofturn|]\\n' }}
    {%- elif role == 'tool' %}
        {%- if i == 0 or messages[i - 1].role != "tool" %}
            {{- role_marks['tool'] + '\\n' }}
        {%- endif %}
        {{- '<tool_result>' ~ (msg.content if msg.content is string else msg.content | tojson) ~ '</tool_result>' }}
        {%- if loop.last or messages[i + 1].role != 'tool' %}
            {{- '[|endofturn|]\\n' }}
        {%- else %}
            {{- '\\n' }}
        {%- endif %}
    {%- else %}
        {{- role_marks[role] + '\\n' + msg.content + '[|endofturn|]\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '[|assistant|]\\n' }}
    {%- if enable_thinking is defined and enable_thinking is true %}{{- '<think>\\n' }}{% else %}{{- '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}"""

K_EXAONE = """\
{#- Content in parts, and a budget of reasoning. -#}
{%- macro part(content) -%}
    {%- if content is string -%}
        {{- content -}}
    {%- elif content is iterable and content is not mapping -%}
        {%- for each in content if each.type in ('text', 'image', 'image_url') -%}
            {%- if each.type == 'text' -%}{{- each.text -}}{%- else -%}{{- '<image>' -}}{%- endif -%}
        {%- endfor -%}
    {%- elif content is none or content is undefined -%}
        {{- '' -}}
    {%- else -%}
        {{- content|string -}}
    {%- endif -%}
{%- endmacro -%}
{%- set effort = reasoning_effort|default('medium')|lower -%}
{%- set budgets = dict(low=1024, medium=4 * 1024, high=2 ** 14) -%}
<|system|>
{{ 'effort: %s (%d tokens)' % (effort, budgets.get(effort, 0)) }}
{%- if documents %}
{%- for doc in documents|sort(attribute='title') %}

[{{ loop.index }}/{{ loop.length }}] {{ doc.title|title }}: {{ doc.text|truncate(20) }}
{%- endfor %}
{%- endif %}

{%- for message in messages %}
<|{{ message.role }}|>
{{ part(message.content)|trim }}
{%- if not loop.last and messages[loop.index].role == message.role %}
{{- raise_exception('two turns of ' ~ message.role ~ ' at ' ~ loop.index) }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
<|assistant|>
{% endif %}"""

HYPERCLOVA = """\
{% for message in messages %}{% if loop.first and messages[0]['role'] != 'tool_list' %}{{ '<|im_start|>tool_list\\n' }}{% if tools %}{{ tools|tojson }}{% endif %}{{ '<|im_end|>\\n' }}{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n- 이름은 CLOVA.<|im_end|>\\n' }}{% endif %}{% endif %}{{ '<|im_start|>' ~ message['role'] ~ '\\n' ~ message['content'] }}{% if not loop.last or not message.get('prefix', false) %}{{ '<|im_end|>' }}{% if message.role == 'assistant' %}{{ '<|endofturn|>' if loop.last or messages[loop.index0+1]['role'] == 'user' else '<|stop|>' }}{% endif %}{{ '\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

AX = """\
{%- set tail = '<|im_end|>' -%}
{%- for m in messages %}
    {%- if m['role'] == 'assistant' %}
        {%- generation %}
            {{- m['content'] + tail }}
        {%- endgeneration %}
        {{- '\\n' }}
    {%- elif m['role'] in ('system', 'user', 'tool') %}
        {%- with label = m['role']|upper, body = m['content'] %}
            {{- '<|' ~ label ~ '|>' ~ body|string ~ tail ~ '\\n' }}
        {%- endwith %}
    {%- else %}
        {{- raise_exception('A.X knows no role ' ~ m['role']|tojson) }}
    {%- endif %}
{%- endfor %}
{{- '<|ASSISTANT|>' if add_generation_prompt }}"""

SOLAR = """\
{{ bos_token }}{% for message in messages %}
{% if message['role'] == 'user' %}
### User:
{{ message['content']|trim }}

{% elif message['role'] == 'assistant' %}
### Assistant:
{{ message['content']|trim }}{{ eos_token }}

{% else %}
### {{ message.role.capitalize() }}:
{{ message['content']|indent(2, first=true) }}

{% endif %}
{% endfor %}
{% if add_generation_prompt %}
### Assistant:
{% endif %}"""

MISTRAL = """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("Roles must alternate after the system message") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {{- ", " if not loop.last else "]" }}
            {%- endfor %}
            {{- "[/TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[CALLS] [" }}
        {%- for call in message.tool_calls %}
            {%- set out = call.function|tojson %}
            {{- out[:-1] }}
            {%- if not call.id is defined or call.id|length != 9 %}
                {{- raise_exception("Ids of calls have 9 characters, not " ~ call.id|length) }}
            {%- endif %}
            {{- ', "id": "' + call.id + '"}' }}
            {{- ", " if not loop.last else "]" + eos_token }}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- elif message["role"] in ["tool_results", "tool"] %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[RESULTS] {"content": ' + content|string + "}[/RESULTS]" }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported") }}
    {%- endif %}
{%- endfor %}"""

GEMMA = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set prefix = "" -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Roles must alternate user/model") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<turn>' + role + '\\n' + (prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("No such content") }}
    {%- endif -%}
    {{ '</turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<turn>model\\n'}}
{%- endif -%}
"""

DEEPSEEK = """\
{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(first_call=true, in_tool=false, system='', first_system=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.first_system %}{% set ns.system = ns.system + message['content'] %}{% set ns.first_system = false %}{%- else %}{% set ns.system = ns.system + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}{%- for message in messages %}{% set content = message['content'] %}{%- if message['role'] == 'user' %}{%- set ns.in_tool = false -%}{{'<｜User｜>' + content + '<｜Assistant｜>'}}{%- endif %}{%- if message['role'] == 'assistant' %}{% if content and '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{% endif %}{%- if message['role'] == 'assistant' and message['tool_calls'] is defined and message['tool_calls'] is not none %}{%- set ns.first_call = true %}{%- for tool in message['tool_calls'] %}{%- if ns.first_call %}{{ (content if content else '') + '<｜calls▁begin｜>' }}{%- set ns.first_call = false %}{%- endif %}{{ '<｜call｜>' + tool['function']['name'] + '\\n```json\\n' + (tool['function']['arguments'] if tool['function']['arguments'] is string else tool['function']['arguments']|tojson) + '\\n```' }}{%- endfor %}{{ '<｜calls▁end｜><｜end▁of▁sentence｜>' }}{%- elif message['role'] == 'assistant' %}{{ content + '<｜end▁of▁sentence｜>' }}{%- endif %}{%- if message['role'] == 'tool' %}{%- if not ns.in_tool %}{{ '<｜outputs▁begin｜>' }}{%- set ns.in_tool = true %}{%- endif %}{{ '<｜output｜>' ~ content }}{%- endif %}{%- endfor -%}{% if ns.in_tool %}{{ '<｜outputs▁end｜>' }}{% endif %}{% if add_generation_prompt and not ns.in_tool %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"""

# Arguments as text of another language: recursion, dictsort, call blocks.
TYPES = """\
{%- macro type_of(schema, depth=0) -%}
    {%- if schema.enum -%}
        {{- schema.enum|map('tojson')|join(' | ') -}}
    {%- elif schema.type == 'array' -%}
        {{- type_of(schema['items'], depth + 1) ~ '[]' if schema['items'] else 'any[]' -}}
    {%- elif schema.type == 'object' and schema.properties -%}
        {{- '{' }}
        {%- for name, each in schema.properties.items() %}
{{ '  ' * (depth + 1) }}{{ name }}{{ '?' if name not in (schema.required or []) }}: {{ type_of(each, depth=depth + 1) }}
            {{- ',' if not loop.last }}
        {%- endfor %}
{{ '  ' * depth }}}
    {%- else -%}
        {{- {'integer': 'number', 'string': 'string'}.get(schema.type, 'any') -}}
    {%- endif -%}
{%- endmacro -%}
{%- macro section(name, level=2) -%}
{{ '#' * level }} {{ name }}
{{ caller() }}
{%- endmacro -%}
{% for tool in tools or [] %}
{% call section(tool.function.name, level=3) %}
{% filter indent(2, true) %}
{{ tool.function.description|replace('"', "'") }}
type A = {{ type_of(tool.function.parameters) }}
{% endfilter %}
{% endcall %}
{% else %}
no tools
{% endfor %}
{% for role, group in messages|groupby('role') %}
{{ role }}={{ group|length }}:{{ group|map(attribute='content')|select('string')|map('length')|join('+') }}{{ ';' if not loop.last }}
{% endfor %}"""

TEMPLATES = {
    "chatml": CHATML, "llama3": LLAMA3, "qwen3": QWEN3, "exaone-3.5": EXAONE35, "exaone-4": EXAONE4,
    "k-exaone": K_EXAONE, "hyperclova-x-seed": HYPERCLOVA, "a.x": AX, "solar": SOLAR,
    "mistral": MISTRAL, "gemma": GEMMA, "deepseek": DEEPSEEK, "types": TYPES,
}

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "날씨를 \"조회\"합니다.\nBy <city> & day.",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "enum": ["서울", "Busan"]}, "days": {"type": "integer"},
        "at": {"type": "array", "items": {"type": "object", "properties": {
            "lat": {"type": "number"}, "name": {"type": "string"}}}}}}}}
ADD = {"type": "function", "function": {
    "name": "add", "description": "", "parameters": {"type": "object", "properties": {}},
    "return": {"type": "number"}}}

SYSTEM = {"role": "system", "content": "당신은 친절한 도우미입니다.\n "}
USER = {"role": "user", "content": " 안녕? <b>Hi</b> & 'q' \"w\" 😀 "}
MORE = {"role": "user", "content": "그다음은?"}
ANSWER = {"role": "assistant", "content": " 네.\n\n"}
THOUGHT = {"role": "assistant", "content": "<think>\nhmm\n</think>\n\nfinal"}
REASONED = {"role": "assistant", "content": "done", "reasoning": "because\n"}
CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "abcdefghi", "type": "function", "function": {
        "name": "get_weather",
        "arguments": {"city": "서울", "days": 3, "f": 1.5, "none": None, "l": [1, "é", True]}}}]}
CALLS = {"role": "assistant", "content": "Let me see.", "tool_calls": [
    {"id": "123456789", "function": {"name": "get_weather", "arguments": "{\"city\": \"Busan\"}"}},
    {"id": "123456780", "function": {"name": "add", "arguments": "{}"}}]}
RESULT = {"role": "tool", "content": "{\"t\": 3}", "tool_call_id": "abcdefghi", "name": "get_weather"}
PARTS = {"role": "user", "content": [{"type": "text", "text": " look "}, {"type": "image"}]}

CHATS = [
    [USER], [SYSTEM, USER], [SYSTEM, USER, ANSWER, MORE], [USER, THOUGHT], [USER, ANSWER, MORE, THOUGHT, USER],
    [USER, REASONED, MORE], [USER, CALL, RESULT, ANSWER, MORE], [USER, CALLS, RESULT, RESULT],
    [SYSTEM, USER, CALLS, RESULT], [PARTS, ANSWER], [USER, MORE], [ANSWER], [SYSTEM],
    [{"role": "critic", "content": "no"}], [], [USER, {"role": "assistant"}],
]


def requests():
    """Keyword arguments of oracle.render_chat."""
    for messages in CHATS:
        for tools in (None, [WEATHER, ADD]):
            for prompt in (False, True):
                yield {"messages": messages, "tools": tools, "add_generation_prompt": prompt, "tokens": TOKENS}
    yield {"messages": [USER], "add_generation_prompt": True, "extra": {"enable_thinking": False}}
    yield {"messages": [USER], "add_generation_prompt": True, "tools": [WEATHER], "tokens": TOKENS,
           "extra": {"enable_thinking": True, "date_string": "2 Feb 2025", "reasoning_effort": "HIGH",
                     "in_user_turn": False, "skip_think": False}}
    yield {"messages": [USER, THOUGHT], "extra": {"skip_think": False, "custom_tools": [ADD]}}
    yield {"messages": [USER], "tokens": TOKENS, "extra": {"bos_token": "<override>"},
           "documents": [{"title": "b doc", "text": "x" * 40}, {"title": "A", "text": "y"}]}
