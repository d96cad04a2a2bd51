#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures compile time and memory, and how fast a package starts.

    compile.py --dure build/release/bin/dure --minilm model.onnx

Compiles MiniLM, and the 1B-shaped Llama of test/models whose 5 GB of weights are a
sparse file, with its weights embedded and referenced. Goals: MiniLM within 10 s; the
Llama within 10 s plus the time this run's disk needs for the bytes written, with at
most the mapped file plus 500 MiB resident; a start of MiniLM's package within 50 ms
beyond the inference itself (weights not hashed again). Needs no package of PyPI, and
about 8 GB of room under --folder.
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
MIB = 1 << 20
PROBE_BYTES = 2048 * MIB


class Done(NamedTuple):
    seconds: float
    cpu_seconds: float  # Near `seconds` when nothing else held it up.
    resident: int  # Peak, in bytes.
    text: str


def run(command):
    """Runs a command; a failure ends this program."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        command = " ".join(str(part) for part in command)
        raise SystemExit(f"exit status {process.returncode}: {command}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Done(seconds, cpu_seconds, usage.ru_maxrss * 1024, text)


def disk_rate(folder):
    """Bytes a second of a plain sequential write, flushed."""
    path, block = folder / "probe", os.urandom(16 * MIB)
    start = time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        for _ in range(PROBE_BYTES // len(block)):
            file.write(block)
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    path.unlink()
    return PROBE_BYTES / seconds


def write_ids(path, values):
    """Writes one row of int64 as npy, without numpy."""
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': (1, {len(values)})}}"
    header = header.ljust(117) + "\n"  # 128 bytes with the 10 before it.
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    path.write_bytes(data + struct.pack(f"<{len(values)}q", *values))


ROWS = []  # What was measured, for --json.


def report(name, done, limit, resident_limit=None, less=0):
    """Prints one line and keeps it; returns whether its goals are met.

    `less` seconds are not counted.
    """
    seconds = done.seconds - less
    met = seconds <= limit
    row = {
        "name": name,
        "seconds": seconds,
        "goal_s": limit,
        "cpu_seconds": done.cpu_seconds,
        "resident_bytes": done.resident,
        "goal_resident_bytes": resident_limit,
    }
    text = f"{name:34} {seconds:9.3f} s, goal {limit:.3f} s ({seconds / limit:.2f})"
    text += f", {done.cpu_seconds:.1f} s of CPU"
    text += f", {done.resident / MIB:.0f} MiB resident"
    if resident_limit is not None:
        met = met and done.resident <= resident_limit
        text += f", goal {resident_limit / MIB:.0f} MiB"
    row["met"] = met
    ROWS.append(row)
    print(text + ("" if met else "  missed"), flush=True)
    return met


def compile_minilm(dure, model, folder):
    package = folder / "minilm.dure"
    done = run([dure, "compile", model, "-o", package])
    return package, report("compile MiniLM", done, 10)


def start_minilm(dure, package, folder):
    """A whole `dure run`, less the inference that `dure bench` measures."""
    for name, value in (
        ("input_ids", 2000),
        ("attention_mask", 1),
        ("token_type_ids", 0),
    ):
        write_ids(folder / f"{name}.npy", [value] * 3)
    inputs = []
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        inputs += ["--input", f"{name}={folder / name}.npy"]
    common = [package, *inputs, "--verify", "structure"]
    command = [dure, "run", *common, "--output-dir", folder / "out"]
    run(command)
    best = min((run(command) for _ in range(10)), key=lambda done: done.seconds)
    bench = run([dure, "bench", *common, "--no-roof", "--json"])
    inference = json.loads(bench.text)["min_s"]
    return report("start MiniLM's package", best, 0.050, less=inference)


def compile_llama(dure, folder):
    archive = ROOT / "test" / "models" / "llama-1b.tar.xz"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    model = folder / "llama-1b"
    size = int((model / "data_size.txt").read_text())
    with open(model / "model.onnx.data", "wb") as data:
        data.truncate(size)
    met = True
    for weights in ("embed", "reference"):
        # The disk's rate drifts by the minute, so it is asked each time.
        rate = disk_rate(folder)
        package = folder / f"{weights}.dure"
        command = [dure, "compile", model / "model.onnx", "-o", package]
        done = run([*command, "--weights", weights])
        written = package.stat().st_size
        package.unlink()
        print(f"disk {rate / 1e6:.0f} MB/s, package {written} bytes")
        name = f"compile 1B Llama, weights {weights}"
        limit = 10 + written / rate
        met &= report(name, done, limit, size + 500 * MIB)
    return met


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dure", type=Path, default=ROOT / "build/release/bin/dure")
    parser.add_argument("--minilm", type=Path, help="without it, only the Llama")
    parser.add_argument("--folder", type=Path, help="where to write, default $TMPDIR")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument(
        "--require", action="store_true", help="exit 1 when a goal is missed"
    )
    args = parser.parse_args()
    if not args.dure.is_file():
        raise SystemExit(f"{args.dure} is missing: build it or name it with --dure")

    folder = Path(tempfile.mkdtemp(dir=args.folder))
    try:
        met = True
        if args.minilm:
            package, met = compile_minilm(args.dure, args.minilm, folder)
            met &= start_minilm(args.dure, package, folder)
        met &= compile_llama(args.dure, folder)
    finally:
        shutil.rmtree(folder)
    if args.json:
        args.json.write_text(json.dumps(ROWS, indent=1) + "\n")
    return 1 if args.require and not met else 0


if __name__ == "__main__":
    sys.exit(main())
