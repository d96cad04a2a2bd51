# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks scores by what generate said of the same tokens.

    check_score.py PACKAGE FOLDER

The package's tokenizer is that of `make_text.py --ascii`: a text has one way to be
made of tokens.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

package, folder = sys.argv[1], Path(sys.argv[2])
text = folder / "scored.txt"


def dure(command, *options):
    done = subprocess.run(["dure", command, package, "--json", *options], check=True,
                          capture_output=True)
    return json.loads(done.stdout)


def score(*options):
    got = dure("score", "--text", text, *options)
    mean = got["log_likelihood"] / got["scored_tokens"]
    assert math.isclose(got["perplexity"], math.exp(-mean))
    assert math.isclose(got["bits_per_byte"] * got["bytes"] * math.log(2),
                        -got["log_likelihood"])
    return got


# Special tokens leave no text: the first seed that gives none of them.
for seed in range(100):
    answer = dure("generate", "--prompt", "t", "--max-tokens", "20", "--temperature",
                  "1", "--seed", str(seed), "--logprobs", "0")
    if len(answer["tokens"]) == 20 and min(answer["tokens"]) > 2:
        break
text.write_bytes(b"t" + answer["text"].encode())
whole = score()
assert whole["scored_tokens"] == 20 and whole["tokens"] == 21, whole
total = sum(each["logprob"] for each in answer["logprobs"])
assert abs(total - whole["log_likelihood"]) < 1e-3, (total, whole)

# Windows score every token once; less is known of each, but something.
windows = score("--context", "6", "--stride", "2")
assert windows["scored_tokens"] == 20 and windows["context_tokens"] == 6
assert windows["log_likelihood"] != whole["log_likelihood"]
assert abs(windows["log_likelihood"] / whole["log_likelihood"] - 1) < 0.5
# Where all fits one window, strides change nothing.
assert score("--context", "21", "--stride", "1")["log_likelihood"] == (
    whole["log_likelihood"])
