# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks where answers end, by what a whole answer holds.

    check_endings.py MODEL.onnx FOLDER

FOLDER has what make_text.py writes. A stop string ends the text where it is first;
a token that generation_config.json names ends the answer before it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

model, folder = sys.argv[1], Path(sys.argv[2])


def compile_with(texts):
    package = texts / "endings.dure"
    subprocess.run(["dure", "compile", model, "-o", package, "--text-folder", texts],
                   check=True, stdout=subprocess.DEVNULL)
    return package


def generate(package, *options):
    command = ["dure", "generate", package, "--prompt", "the 한국", "--max-tokens",
               "30", "--temperature", "1", "--seed", "5", "--json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


package = compile_with(folder)
whole = generate(package)
assert whole["finish_reason"] == "max_tokens" and len(whole["tokens"]) == 30

# In the middle of the text; what begins like it before goes on.
text = whole["text"]
stop = text[len(text) // 2:][:3]
ended = generate(package, "--stop", stop[0] + "\x01", "--stop", stop)
assert ended["finish_reason"] == "stop", ended["finish_reason"]
assert ended["text"] == text[:text.index(stop)], (ended["text"], text, stop)

token = whole["tokens"][10]
other = folder / "end"
shutil.copytree(folder, other, ignore=shutil.ignore_patterns("*.dure", "model*", "end"))
config = {"eos_token_id": [500, token]}
(other / "generation_config.json").write_text(json.dumps(config))
ended = generate(compile_with(other), "--logprobs", "2")
assert ended["finish_reason"] == "end_token"
assert ended["tokens"] == whole["tokens"][:whole["tokens"].index(token)]
for each in ended["logprobs"]:
    first, second = each["top"]
    assert 0 >= first["logprob"] >= second["logprob"], each
    assert first["logprob"] >= each["logprob"], each
assert len(ended["logprobs"]) == len(ended["tokens"])
