#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures prompts and answers of a language model, beside llama.cpp in the same run.

    generate.py PACKAGE --dure build/release/bin/dure --gguf model-f16.gguf

Both get the same random prompt and go on greedily; they take turns for --rounds, and
the best of each counts. Printed are tokens/s, bytes that a token reads (weights and
keys and values), the share of the memory's read rate that was measured in the same
run, and the time of a step that dure spends outside of the model.

Needs llama-cpp-python (`pip install llama-cpp-python` builds it) for the second
column; without it, or without --gguf, the script says so and goes on alone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_dure(args, prompt):
    command = [args.dure, "generate", args.package, "--prompt-ids",
               ",".join(map(str, prompt)), "--max-tokens", str(args.tokens),
               "--temperature", "0", "--repetition-penalty", "1",
               "--threads", str(args.threads), "--json"]  # fmt: skip
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if len(done["tokens"]) != args.tokens:
        print(f"the answer ended after {len(done['tokens'])} tokens")
    return {"prompt": done["prompt_tokens_per_second"],
            "step": done["step_tokens_per_second"],
            "bytes": done["weight_bytes"] + done["context_bytes"],
            "outside": done["step_seconds_outside_model"]}  # fmt: skip


def read_rate(args):
    """GB/s that this machine reads with as many threads, or nothing."""
    shown = subprocess.run([args.dure, "inspect", args.package, "--json"],
                           check=True, stdout=subprocess.PIPE).stdout  # fmt: skip
    dims = ",".join(f"{each['name']}=1" for each in json.loads(shown)["symbols"])
    command = [args.dure, "bench", args.package, "--repeat", "1", "--json", "--threads",
               str(args.threads), "--dims", dims]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode:
        return None
    return json.loads(done.stdout)["roof"]["read_gbytes_per_s"]


def open_llama(args):
    if not args.gguf:
        print("llama.cpp: not measured, as --gguf is not given")
        return None
    try:
        import llama_cpp
    except ImportError:
        print("llama.cpp: not measured, as llama-cpp-python is not installed")
        return None
    return llama_cpp.Llama(str(args.gguf), n_ctx=args.prompt + args.tokens,
                           n_threads=args.threads, n_threads_batch=args.threads,
                           n_batch=512, verbose=False)  # fmt: skip


def run_llama(llama, args, prompt):
    llama.reset()
    begin = time.perf_counter()
    llama.eval(prompt)
    token = llama.sample(temp=0)
    middle = time.perf_counter()
    for _ in range(args.tokens - 1):
        llama.eval([token])
        token = llama.sample(temp=0)
    end = time.perf_counter()
    return {"prompt": len(prompt) / (middle - begin),
            "step": (args.tokens - 1) / (end - middle),
            "bytes": os.path.getsize(args.gguf)}  # fmt: skip


def describe(name, best, rate):
    text = f"{name:10} prompt {best['prompt']:8.1f} tokens/s   step {best['step']:7.2f} tokens/s"
    text += f"   {best['bytes'] / 1e6:.1f} MB a token"
    if rate:
        share = best["bytes"] * best["step"] / 1e9 / rate
        text += f", {share:.0%} of the read rate ({rate:.1f} GB/s)"
    if "outside" in best:
        text += f"; {best['outside'] * 1e6:.0f} us a step outside of the model"
    print(text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path)
    parser.add_argument("--dure", type=Path, default=ROOT / "build/release/bin/dure")
    parser.add_argument("--gguf", type=Path, help="the same weights for llama.cpp")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=128, help="tokens of the prompt")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of the answer")
    parser.add_argument("--vocabulary", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if args.tokens < 2 or args.prompt < 1 or args.rounds < 1:
        sys.exit("give at least 2 tokens, a prompt of 1 and a round")
    choose = random.Random(1)
    prompt = [choose.randrange(100, args.vocabulary) for _ in range(args.prompt)]
    rate = read_rate(args)
    llama = open_llama(args)
    sides = {"dure": lambda: run_dure(args, prompt)}
    if llama:
        sides["llama.cpp"] = lambda: run_llama(llama, args, prompt)
    rounds = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, run in sides.items():
            rounds[name].append(run())
    best = {}
    for name, all_of in rounds.items():
        best[name] = dict(all_of[0])
        for key in ("prompt", "step"):
            best[name][key] = max(each[key] for each in all_of)
        describe(name, best[name], rate)
    if llama:
        for key in ("prompt", "step"):
            ratio = best["dure"][key] / best["llama.cpp"][key]
            print(f"{key}: dure / llama.cpp = {ratio:.2f}")


if __name__ == "__main__":
    main()
