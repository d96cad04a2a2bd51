# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares greedy answers with those of transformers.

    check_greedy.py PACKAGE smollm2-greedy.npz NUMBER...

smollm2_greedy.py says what the file holds. Equal are all tokens up to where the
reference's first two are within 1e-3 of each other, or to the end token. No numpy: the
arrays are of one dimension.
"""

import ast
import array
import json
import subprocess
import sys
import zipfile

END = 2
MARGIN = 1e-3


def read(archive, name):
    data = archive.read(name + ".npy")
    size = int.from_bytes(data[8:10], "little")
    head = ast.literal_eval(data[10:10 + size].decode())
    kinds = {"|u1": "B", "<i8": "q", "<f4": "f"}
    return array.array(kinds[head["descr"]], data[10 + size:])


package, archive = sys.argv[1], zipfile.ZipFile(sys.argv[2])
for number in sys.argv[3:]:
    text = read(archive, number + ".text").tobytes().decode()
    wanted = list(read(archive, number + ".tokens"))
    margins = read(archive, number + ".margins")
    if END in wanted:
        wanted = wanted[:wanted.index(END)]
    done = subprocess.run(
        ["dure", "generate", package, "--prompt", text, "--max-tokens", "64",
         "--temperature", "0", "--json"], check=True, capture_output=True)
    answer = json.loads(done.stdout)
    assert answer["prompt_tokens"] == len(read(archive, number + ".ids")), number
    got = answer["tokens"]
    pairs = zip(got, wanted)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(got), len(wanted)))
    print(f"prompt {number}: {same} of {len(wanted)} tokens, {answer['text']!r}")
    assert same == len(wanted) == len(got) or margins[same] < MARGIN, number
