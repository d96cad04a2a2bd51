# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What jinja2, as transformers configures it, makes of a template."""

import datetime
import re

from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast
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


def tokenizer(template, tokens):
    """A tokenizer without a vocabulary."""
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE()), **tokens)
    made.chat_template = template
    return made


def render_chat(template, messages, tokens=None, extra=None, **request):
    """A case of a whole conversation, rendered by apply_chat_template."""
    case = {"template": template, "messages": messages, "tokens": tokens or {}}
    case.update(request)
    if extra:
        case["extra"] = extra
    try:
        case["text"] = tokenizer(template, tokens or {}).apply_chat_template(
            messages, tokenize=False, **request, **(extra or {}))
    except Exception as error:
        case["error"] = type(error).__name__
    return case
