#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what the tests of tokenizers compare with: tokenizers.tar.xz.

    python generate.py --data build/data          trains, encodes, writes
    python generate.py --show NAME KIND INDEX     one string, its ids and its text

The archive holds small tokenizers of every kind (tokenizer_files.py), the
fragments of the strings (corpus.py), and for each tokenizer a file NAME.expected
of what the library `tokenizers` makes of 10,000 strings of each kind. A line of it
is a kind and a checksum (CRC-32) of every 250 strings: of the number of ids, the
ids, and the text decoded without and with special tokens, each text ended by a
zero byte.

The real tokenizers, `real-minilm` and `real-smollm2`, are not in the archive: the
tests find them in the folder of test data (--data), where tools/test puts them.

Needs tokenizers, sentencepiece and onnx (for the archive). Written with tokenizers
0.23.3.
"""

import argparse
import struct
import sys
import zlib
from pathlib import Path

import corpus
import tokenizer_files
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "models"))
from archive import write_archive  # noqa: E402

STRINGS = 10_000
CHUNK = 250
REAL = ("minilm", "smollm2")


def results(tokenizer, strings):
    """Ids and both decoded texts of each string."""
    texts = [data.decode("utf-8", errors="replace") for data in strings]
    encoded = [each.ids for each in tokenizer.encode_batch(texts)]
    without = tokenizer.decode_batch(encoded, skip_special_tokens=True)
    whole = tokenizer.decode_batch(encoded, skip_special_tokens=False)
    return zip(encoded, without, whole)


def expected(tokenizer, lines):
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for kind in corpus.KINDS:
        sums, state = [], 0
        strings = list(corpus.strings(lines, kind, STRINGS))
        for index, (ids, *texts) in enumerate(results(tokenizer, strings)):
            data = struct.pack(f"<{len(ids) + 1}I", len(ids), *ids)
            for text in texts:
                data += text.encode("utf-8") + b"\0"
            state = zlib.crc32(data, state)
            if (index + 1) % CHUNK == 0:
                sums.append(f"{state:08x}")
                state = 0
        yield f"{kind} {' '.join(sums)}"


def write(data):
    lines = list(corpus.fragment_lines())
    files = {"tokenizers/fragments.txt": ("\n".join(lines) + "\n").encode()}
    tokenizers = {name: make() for name, make in tokenizer_files.MADE.items()}
    for name, tokenizer in tokenizers.items():
        files[f"tokenizers/{name}.json"] = tokenizer.to_str().encode("utf-8")
    for name in REAL:
        path = data / "tokenizers" / name / "tokenizer.json"
        tokenizers[f"real-{name}"] = Tokenizer.from_file(str(path))
    for name, tokenizer in tokenizers.items():
        text = "\n".join(expected(tokenizer, lines)) + "\n"
        files[f"tokenizers/{name}.expected"] = text.encode()
        print(name, flush=True)
    write_archive(HERE / "tokenizers.tar.xz", files)


def show(name, kind, index):
    lines = list(corpus.fragment_lines())
    tokenizer = tokenizer_files.MADE[name]()
    (data,) = list(corpus.strings(lines, kind, index + 1))[index:]
    ((ids, *texts),) = results(tokenizer, [data])
    print(data, ids, [tokenizer.id_to_token(i) for i in ids], *texts, sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "build" / "data")
    parser.add_argument("--show", nargs=3, metavar=("NAME", "KIND", "INDEX"))
    options = parser.parse_args()
    if options.show:
        show(*options.show[:2], int(options.show[2]))
    else:
        write(options.data)


if __name__ == "__main__":
    main()
