#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the programs of a build on hostile files, and says which misbehave.

usage: run.py BIN_FOLDER [--filter REGEX] [--list] [--keep FOLDER] [--jobs N]
              [--unlimited] [--junit FILE]

README.md says what every case must show. --keep writes the cases' files there and
leaves them; --unlimited is for builds with sanitizers, which take terabytes of
addresses: cases that want a limit are skipped. Exit status 1 when a case fails, 2 when none was chosen.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import xml.sax.saxutils

import case as cases
import data_sets
import external
import folding
import graphs
import inputs
import ir_text
import nesting
import operators
import packages
import reader
import values

GROUPS = (
    reader,
    graphs,
    nesting,
    folding,
    values,
    operators,
    external,
    packages,
    inputs,
    data_sets,
    ir_text,
)

# 2 GiB of addresses and of memory, 10 s of processor time over all threads. The
# clock on the wall is for what waits for ever: a busy machine may be slow.
MEMORY = 2 << 30
SECONDS = 10
WALL_SECONDS = 60

CRASHES = re.compile(
    "LLVM ERROR|Stack dump|Assertion|PLEASE submit|terminate called|UNREACHABLE"
    "|Sanitizer|runtime error:|ended with signal|stack smashing|^Traceback",
    re.MULTILINE,
)
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f]")


def files_below(folder):
    return sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)


def write_files(case, folder, bin_folder):
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content() if callable(content) else content)
    if case.prepare:
        case.prepare(folder, bin_folder)


def limit():
    """Called in the child."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Done:
    """What a command did."""

    def __init__(self, status, out, err, usage, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds
        # Of the command and all that it waited for.
        self.peak = usage.ru_maxrss * 1024
        self.processor = usage.ru_utime + usage.ru_stime


def execute(case, command, base, unlimited):
    temporary = base / "tmp"
    temporary.mkdir()
    environment = {
        "PATH": os.environ.get("PATH", ""),
        # What is kept for the next call is no case's, and is said on stderr.
        "DURE_CACHE": "off",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(temporary),
        # Not the user's own folder of what was verified.
        "XDG_CACHE_HOME": str(base / "cache"),
    }
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    start = time.monotonic()
    with open(base / "out", "wb") as out, open(base / "err", "wb") as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            cwd=base,
            start_new_session=True,
            preexec_fn=None if unlimited else limit,
        )
        killer = threading.Timer(WALL_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        killer.start()
        try:
            if case.during:
                case.during(base / "in", process)
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    read = lambda name: (base / name).read_bytes()
    seconds = time.monotonic() - start
    return Done(process.returncode, read("out"), read("err"), usage, seconds)


def check_message(case, done):
    """What is wrong with the text on stderr."""
    try:
        text = done.err.decode()
    except UnicodeDecodeError:
        return ["stderr is not valid UTF-8"]
    wrong = []
    if found := CRASHES.search(text + done.out.decode(errors="replace")):
        wrong.append(f"it says {found[0]!r}")
    if found := CONTROL.search(text):
        wrong.append(f"the message holds the control character {found[0]!r}")
    # MLIR's own tool quotes the line.
    if len(text) > 65536 and case.command[0] != "dure-opt":
        wrong.append(f"the message has {len(text)} characters")
    if done.status != 0 and not re.match(r"error: \S|\S+:\d+:\d+: error: ", text):
        wrong.append("the message does not begin with 'error: '")
    for expected in case.texts if done.status == case.status else ():
        if expected not in text + (done.out.decode() if done.status == 0 else ""):
            wrong.append(f"the message lacks {expected!r}")
    return wrong


def check_outputs(case, folder):
    """What is wrong with the outputs of an accepted run."""
    wrong = []
    for name, (descr, shape, expected) in case.outputs.items():
        try:
            got = cases.parse_npy((folder / f"{name}.npy").read_bytes())
        except OSError as error:
            wrong.append(f"output {name}: {error}")
            continue
        form = descr[-2] if descr[-2].isalpha() else descr[-1]
        form = {
            "f4": "f",
            "f8": "d",
            "f2": "e",
            "i8": "q",
            "i4": "i",
            "i1": "b",
            "u1": "B",
            "b1": "B",
            "i2": "h",
            "u2": "H",
            "u4": "I",
            "u8": "Q",
        }[descr[-2:]]
        data = struct.pack(f"<{len(expected)}{form}", *expected)
        if got != (descr, tuple(shape), data):
            wrong.append(f"output {name} is {got}, expected {(descr, shape, expected)}")
    return wrong


def check(case, done, base, before, unlimited):
    wrong = []
    if done.seconds >= WALL_SECONDS:
        wrong.append(f"it was stopped after {WALL_SECONDS} s")
    if done.status < 0:
        wrong.append(f"it ended with {signal.Signals(-done.status).name}")
    elif done.status != case.status and not (case.either and done.status in (0, 1)):
        wrong.append(f"it ended with status {done.status}, expected {case.status}")
    if not unlimited and done.processor > SECONDS:
        wrong.append(f"it took {done.processor:.1f} s of processor time")
    if not unlimited and done.peak > MEMORY:
        wrong.append(f"it took {done.peak >> 20} MiB")
    wrong += check_message(case, done)
    if done.status == 0:
        wrong += check_outputs(case, base / "out.d" / "o")
    elif left := files_below(base / "out.d"):
        wrong.append(f"it left {left}")
    if left := files_below(base / "tmp"):
        wrong.append(f"it left temporary files: {left}")
    if files_below(base / "in") != before:
        wrong.append("it changed the folder of its input")
    return wrong


def run_case(case, folder, options):
    """(what is wrong, the command, stderr)."""
    base = folder / case.name
    (base / "out.d").mkdir(parents=True)
    (base / "in").mkdir()
    write_files(case, base / "in", options.bin)
    before = files_below(base / "in")
    place = {cases.IN: str(base / "in"), cases.OUT: str(base / "out.d")}
    command = [str(options.bin / case.command[0])]
    for argument in case.command[1:]:
        for name, path in place.items():
            argument = argument.replace(name, path)
        command.append(argument)
    done = execute(case, command, base, options.unlimited)
    wrong = check(case, done, base, before, options.unlimited)
    if not options.keep:
        shutil.rmtree(base, ignore_errors=True)
    return wrong, shlex.join(command), done


def report(case, wrong, command, done):
    print(f"FAIL {case.name}")
    for line in wrong:
        print(f"  {line}")
    print(f"  {command}")
    text = done.err.decode(errors="replace")
    print("".join(f"  | {line}\n" for line in text[:2000].splitlines()), flush=True)


def write_junit(path, results):
    quote = xml.sax.saxutils.quoteattr
    lines = ['<testsuite name="hostile">']
    for name, wrong, seconds in results:
        inside = f"<failure message={quote('; '.join(wrong))}/>" if wrong else ""
        if seconds is None:
            inside, seconds = "<skipped message='it wants a limit of memory'/>", 0
        lines.append(f"<testcase name={quote(name)} time='{seconds:.3f}'>{inside}</testcase>")
    text = "\n".join(lines + ["</testsuite>"])
    # What XML has no way to write.
    path.write_text(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "?", text), "utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--filter", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--unlimited", action="store_true")
    parser.add_argument("--junit", type=pathlib.Path)
    options = parser.parse_args()

    chosen = [
        case
        for group in GROUPS
        for case in group.GROUP.cases
        if re.search(options.filter, case.name)
    ]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    if not chosen:
        print(f"no case matches {options.filter!r}", file=sys.stderr)
        return 2
    # (name, what is wrong, seconds or None when it was skipped)
    results = []
    if options.unlimited:
        results = [(case.name, [], None) for case in chosen if case.needs_limit]
        chosen = [case for case in chosen if not case.needs_limit]
    temporary = tempfile.TemporaryDirectory(prefix="dure-hostile-")
    folder = options.keep or pathlib.Path(temporary.name)
    with temporary, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(run_case, case, folder, options) for case in chosen]
        for case, future in zip(chosen, futures):
            wrong, command, done = future.result()
            if wrong:
                report(case, wrong, command, done)
            results.append((case.name, wrong, done.seconds))
    if options.junit:
        write_junit(options.junit, results)
    failed = sum(1 for _, wrong, _ in results if wrong)
    skipped = len(results) - len(chosen)
    print(f"{len(chosen) - failed} of {len(chosen)} cases behave, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
