# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the files that make text of a tiny model's 128 tokens.

    make_text.py FOLDER [--ascii]

Byte-level BPE: three special tokens, the bytes of Hangul and of some ASCII, a few
merges; or all other tokens bytes of ASCII. A chat template; generation_config.json
with an end token.
"""

import json
import sys
from pathlib import Path


def letters():
    """Byte to the letter that stands for it in byte-level BPE (GPT-2's table)."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(kept))
    return table


def main(folder, is_ascii):
    letter = letters()
    used = [*b" \n.,:?!", *b"abcdefghijklmnopqrstuvwxyz", *b"KUXY<|>/012",
            *range(0x80, 0xC0), *range(0xEA, 0xEE)]
    if is_ascii:
        used = [*range(32, 127), *range(30)]
    special = ["<s>", "</s>", "<|turn|>"]
    tokens = special + [letter[byte] for byte in used]
    merges = []
    pieces = ["th", "er", "in", "an", "on", "re", "he", "ou", "st", "nd", "the",
              "and", " t", " a"]
    for piece in pieces if not is_ascii else []:
        whole = "".join(letter[byte] for byte in piece.encode())
        left = whole[:-1] if len(whole) == 2 or whole[:-1] in tokens else whole[:1]
        merges.append([left, whole[len(left):]])
        tokens.append(whole)
    tokens = tokens[:128]
    tokens += [f"<unused{i}>" for i in range(128 - len(tokens))]
    merges = [pair for pair in merges if "".join(pair) in tokens]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False,
                  "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": i, "content": text, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}
            for i, text in enumerate(special)],
        "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False,
                  "ignore_merges": False,
                  "vocab": {text: i for i, text in enumerate(tokens)},
                  "merges": merges},
    }
    files = {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {"bos_token": "<s>", "eos_token": "</s>"},
        "generation_config.json": {"eos_token_id": 1},
        "config.json": {"max_position_embeddings": 64},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if m.role == 'user' %}<|turn|>U: "
        "{% elif m.role == 'system' %}<|turn|>X: {% else %}<|turn|>Y: {% endif %}"
        "{{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}<|turn|>Y:{% endif %}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--ascii" in sys.argv)
