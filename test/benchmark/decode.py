#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures a decode step of a 1B Llama against the memory's read rate.

    decode.py --dure build/release/bin/dure

One token after a cache of 64 reads every weight once: memory is the roof, which is
probed in the same run. The graphs of test/models (f32 and bf16) have weights of 5 GB
and 2.5 GB, a sparse file of zeros. Goal: 70 % of the read rate with 2 threads. Needs
no package of PyPI, and the weights' size in memory.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOAL = 0.70
DIMS = "batch=1,sequence=1,past_sequence=64,total_sequence=65"


def measure(dure, model, folder, threads):
    package = folder / f"{model.name}.dure"
    subprocess.run(
        [dure, "compile", model / "model.onnx", "-o", package, "--weights", "reference"],
        check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    done = subprocess.run(
        [dure, "bench", package, "--model-folder", model, "--dims", DIMS, "--threads",
         str(threads), "--repeat", "20", "--json"],
        check=True, stdout=subprocess.PIPE)  # fmt: skip
    package.unlink()
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dure", type=Path, default=ROOT / "build/release/bin/dure")
    parser.add_argument("--folder", type=Path, help="where to write, default $TMPDIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--require", action="store_true", help="exit 1 when a goal is missed"
    )
    args = parser.parse_args()
    folder, met = Path(tempfile.mkdtemp(dir=args.folder)), True
    try:
        with tarfile.open(ROOT / "test" / "models" / "llama-1b.tar.xz") as tar:
            tar.extractall(folder, filter="data")
        for model in sorted(folder.glob("llama-1b*")):
            with open(model / "model.onnx.data", "wb") as data:
                data.truncate(int((model / "data_size.txt").read_text()))
            bench = measure(args.dure, model, folder, args.threads)
            roof = bench["roof"]["read_gbytes_per_s"]
            rate = bench["bytes"] / bench["median_s"] / 1e9
            met &= rate >= GOAL * roof
            print(
                f"{model.name}: {bench['median_s'] * 1e3:.1f} ms a token, {rate:.1f} "
                f"GB/s, {rate / roof:.0%} of {roof:.1f} GB/s (goal {GOAL:.0%})"
            )
    finally:
        shutil.rmtree(folder)
    return 1 if args.require and not met else 0


if __name__ == "__main__":
    sys.exit(main())
