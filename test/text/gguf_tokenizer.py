#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the tokenizer.json of a byte-level GGUF file, with the standard library.

    python gguf_tokenizer.py FILE.gguf tokenizer.json

FILE may be `-`. Only what SmolLM2 needs: vocabulary, merges, control tokens, and
the pre-tokenizer "smollm" (digits by themselves, then GPT-2's). The format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import json
import struct
import sys

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
CONTROL, USER_DEFINED = 3, 4


def read_fields(file):
    def scalar(code):
        data = file.read(struct.calcsize("<" + code))
        return struct.unpack("<" + code, data)[0]

    def value(kind):
        if kind == STRING:
            return file.read(scalar("Q")).decode("utf-8")
        if kind == ARRAY:
            of = scalar("I")
            return [value(of) for _ in range(scalar("Q"))]
        return scalar(SCALARS[kind])

    if file.read(4) != b"GGUF":
        sys.exit("this is no GGUF file")
    file.read(4 + 8)
    return {value(STRING): value(scalar("I")) for _ in range(scalar("Q"))}


def tokenizer_json(fields):
    def field(name):
        return fields["tokenizer.ggml." + name]

    if field("model") != "gpt2" or field("pre") != "smollm":
        sys.exit(f"the pre-tokenizer {field('pre')} is not known here")
    tokens = field("tokens")
    added = [
        {"id": index, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": kind == CONTROL}
        for index, (token, kind) in enumerate(zip(tokens, field("token_type")))
        if kind in (CONTROL, USER_DEFINED)
    ]
    bytes_as_characters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True}, bytes_as_characters]},
        "post_processor": None, "decoder": bytes_as_characters,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: index for index, token in enumerate(tokens)}, "merges": field("merges")},
    }


def main():
    source, target = sys.argv[1:]
    with sys.stdin.buffer if source == "-" else open(source, "rb") as file:
        data = tokenizer_json(read_fields(file))
    with open(target, "w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=False)


if __name__ == "__main__":
    main()
