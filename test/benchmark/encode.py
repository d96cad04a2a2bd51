#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times Dure's tokenizers and the library `tokenizers` in turn, one thread each.

    encode.py --encode build/release/bin/dure-encode
    encode.py --encode PROGRAM --only smollm2 --rounds 9 --json out.json

Texts are this tree's own, in parts of some 2,000 bytes: Korean (messages and
documents), English (documents) and code (sources). Tokenizers are those of
test/text/tokenizers.tar.xz and the real ones in the folder of test data. The
library comes from PyPI into a folder of its own (--cache) at the first use.

How it measures. Both sides run in a process of their own on the same core;
processes alternate, so that a slow minute of the machine hits both. Each encodes
all texts again and again for --seconds and reports the fastest round. The ratio is
the library's time over Dure's, of the fastest rounds: above 1 Dure is faster. The
ids of both are compared, too.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
ARCHIVE = ROOT / "test" / "text" / "tokenizers.tar.xz"
PACKAGE = "tokenizers==0.23.3"
PART = 2000
MADE = ("gpt2", "llama3", "gpt4o", "llama2", "gemma", "unigram", "wordpiece")
REAL = ("smollm2", "minilm")


def use_peer(cache):
    """Goes on in a virtual environment that has the library, made if missing."""
    try:
        import tokenizers  # noqa: F401

        return
    except ImportError:
        pass
    environment = cache / "venv"
    python = environment / "bin" / "python"
    if Path(sys.prefix) == environment:
        raise SystemExit(f"{environment} is broken: remove it and try again")
    if not python.exists():
        print(f"installing {PACKAGE} into {environment}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", PACKAGE], check=True)
    os.execv(python, [str(python), *sys.argv])


def texts():
    """Texts by their name, each a list of strings."""

    def read(*patterns):
        return [path.read_text(encoding="utf-8", errors="replace")
                for pattern in patterns for path in sorted(ROOT.glob(pattern))]

    korean = [line for text in read("*.md", "docs/**/*.md", "[cfrt]*/**/*.def")
              for line in re.findall(r'[^"\n]+', text)
              if len(re.findall("[가-힣]", line)) > 10]
    return {"korean": parts(korean),
            "english": parts(read("README.md", "docs/**/*.md")),
            "code": parts(read("runtime/**/*.cpp", "test/**/*.py"))}


def parts(lines):
    joined = "\n".join(lines).replace("\0", "")
    return [joined[i:i + PART] for i in range(0, len(joined), PART)]


def unpack(folder, data):
    """Paths of tokenizers by their name."""
    with tarfile.open(ARCHIVE) as archive:
        for name in MADE:
            (folder / f"{name}.json").write_bytes(
                archive.extractfile(f"tokenizers/{name}.json").read())
    found = {name: folder / f"{name}.json" for name in MADE}
    for name in REAL:
        path = data / "tokenizers" / name / "tokenizer.json"
        if path.exists():
            found[name] = path
        else:
            print(f"{path} is not there: run tools/test once")
    return found


# --- Workers -----------------------------------------------------------------


def work(path, seconds):
    """The library's side: what dure-encode does."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lines = sys.stdin.buffer.read().decode("utf-8").split("\0")[:-1]
    fastest, start = float("inf"), time.perf_counter()
    while True:
        begin = time.perf_counter()
        found = [tokenizer.encode(line).ids for line in lines]
        fastest = min(fastest, time.perf_counter() - begin)
        if time.perf_counter() - start >= seconds:
            break
    ids = [number for each in found for number in each]
    total = sum(place * number for place, number in enumerate(ids, 1))
    print(f"{fastest:.9f} {len(ids)} {total & (1 << 64) - 1}")


def run(command, data):
    core = min(os.sched_getaffinity(0))
    done = subprocess.run([str(part) for part in command], input=data, stdout=subprocess.PIPE, check=True,
                          env=os.environ | {"TOKENIZERS_PARALLELISM": "false"},
                          preexec_fn=lambda: os.sched_setaffinity(0, [core]))
    seconds, *ids = done.stdout.split()
    return float(seconds), ids


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encode", type=Path, help="the program dure-encode")
    parser.add_argument("--data", type=Path, default=ROOT / "build" / "data")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "tokenizers")
    parser.add_argument("--only", nargs="+", help="names of tokenizers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--json", type=Path, help="where results go, too")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work[0], float(options.work[1]))
    if not options.encode:
        parser.error("--encode is needed")
    use_peer(options.cache)

    rows = []
    print(f"{'tokenizer':12} {'text':8} {'Dure MB/s':>10} {'library MB/s':>13} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in unpack(Path(folder), options.data).items():
            if options.only and name not in options.only:
                continue
            for text, lines in texts().items():
                data = "".join(line + "\0" for line in lines).encode("utf-8")
                sides = {"dure": [options.encode, path, options.seconds],
                         "library": [sys.executable, HERE, "--work", path, options.seconds]}
                best, ids = {}, {}
                for _ in range(options.rounds):
                    for side, command in sides.items():
                        seconds, ids[side] = run(command, data)
                        best[side] = min(best.get(side, seconds), seconds)
                if ids["dure"] != ids["library"]:
                    raise SystemExit(f"{name}, {text}: the ids differ")
                speed = {side: len(data) / seconds / 1e6 for side, seconds in best.items()}
                ratio = best["library"] / best["dure"]
                rows.append({"tokenizer": name, "text": text, "bytes": len(data), "seconds": best, "ratio": ratio})
                print(f"{name:12} {text:8} {speed['dure']:10.2f} {speed['library']:13.2f} {ratio:6.2f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
