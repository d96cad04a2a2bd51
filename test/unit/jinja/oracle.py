# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What jinja2, as transformers configures it, makes of a template."""

import datetime
import re

from transformers.utils import chat_template_utils

# Every template sees this time.
NOW = datetime.datetime(2025, 3, 9, 14, 5, 7)
# Texts that differ from run to run: addresses of objects.
RANDOM = re.compile(r" at 0x[0-9a-f]+|<built-in|<bound method|<class |<function ")


class FixedTime(datetime.datetime):
    """The clock of strftime_now."""

    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FixedTime


def render(template, values):
    """A case: template, values, and its text or the fact of an error.

    None where the text has no meaning of its own.
    """
    case = {"template": template}
    if values:
        case["values"] = values
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
        text = compiled.render(**values)
        text.encode()
    except Exception as error:
        case["error"] = type(error).__name__
        return case
    if RANDOM.search(text):
        return None
    case["text"] = text
    return case


def render_chat(template, messages, tools=None, documents=None, add_generation_prompt=False,
                **extra):
    """A case of a whole conversation, as apply_chat_template has it."""
    case = {"template": template, "messages": messages,
            "add_generation_prompt": add_generation_prompt}
    for key, value in (("tools", tools), ("documents", documents), ("extra", extra)):
        if value:
            case[key] = value
    # As apply_chat_template does it before it renders.
    messages = [{k: v for k, v in each.items() if v is not None} for each in messages]
    try:
        (text,), _ = chat_template_utils.render_jinja_template(
            [messages], tools=tools, documents=documents, chat_template=template,
            add_generation_prompt=add_generation_prompt, **extra)
        case["text"] = text
    except Exception as error:
        case["error"] = type(error).__name__
    return case
