# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs models on the spot and looks at what became of the kept packages.

usage: check_cache.py FOLDER [--checkpoints]

FOLDER has make.py's models; with --checkpoints, also llama/ and llama-gguf/.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time

folder = pathlib.Path(sys.argv[1])
place = folder / "cache"
# Files that changed a moment ago are not kept, for they may change again unseen.
SETTLED = 0.1


def environment(**more):
    return {**os.environ, "DURE_CACHE": str(place), **more}


def start(model="external", **more):
    return subprocess.Popen(
        ["dure", "run", folder / f"{model}.onnx", "--input", f"x={folder}/a.npy",
         "--output-dir", folder / "out", "--json"],
        env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, said = process.communicate()
    assert process.returncode == 0, said
    return json.loads(out)["compile_cache"], said


def run(model="external", **more):
    time.sleep(SETTLED)
    return finish(start(model, **more))[0]


def entries():
    listed = json.loads(subprocess.run(["dure", "cache", "--json"], env=environment(),
                                       stdout=subprocess.PIPE, check=True).stdout)
    return {pathlib.Path(each["path"]): each for each in listed["packages"]}


def entry_of(model):
    (path,) = (path for path, each in entries().items()
               if each["model"].endswith(f"/{model}.onnx"))
    return path


def last():
    """The last output's bytes: four of them a number."""
    data = (folder / "out" / "y.npy").read_bytes()[-24:]
    return struct.unpack("<6f", data)


def clear():
    subprocess.run(["dure", "cache", "--clear"], env=environment(), check=True,
                   stdout=subprocess.DEVNULL)


def check_stale():
    """The same size and the same time of change, other weights."""
    weights = folder / "external.bin"
    assert run() == "kept" and run() == "taken"
    before = last()
    times = weights.stat()
    weights.write_bytes(struct.pack("<3f", 100, 200, 300))
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run() == "kept" and last() != before, (before, last())
    assert run() == "taken" and last()[:3] != before[:3]
    # Another file in its place, with everything but its number.
    shutil.copy2(weights, folder / "copy.bin")
    os.replace(folder / "copy.bin", weights)
    assert run() == "kept"
    # A file that a package carries, which was not there.
    (folder / "tokenizer_config.json").write_text("{}")
    assert run() == "kept" and run() == "taken"
    (folder / "tokenizer_config.json").unlink()
    assert run() == "kept"
    assert len(entries()) == 1


def check_damaged():
    entry = entry_of("external")
    for name in ("model.dure", "record"):
        path = entry / name
        whole = path.read_bytes()
        for damage in (whole[: len(whole) // 2], whole[:100] + b"?" + whole[101:]):
            path.write_bytes(damage)
            assert run() == "kept", (name, len(damage))
            assert run() == "taken"
    (entry / "model.dure").unlink()
    assert run() == "kept"
    shutil.rmtree(entry)
    entry.write_text("no folder")
    said = finish(start())
    assert said[0] == "none" and "warning" in said[1], said
    entry.unlink()
    assert run() == "kept"
    # An entry that others can write is not trusted, and is replaced.
    entry.chmod(0o777)
    assert run() == "kept" and run() == "taken"


def check_side_by_side():
    clear()
    time.sleep(SETTLED)
    both = [start() for _ in range(4)]
    uses = [finish(process)[0] for process in both]
    assert set(uses) <= {"kept", "taken"} and "kept" in uses, uses
    assert [path.name for path in place.iterdir()] == [entry_of("external").name]
    assert run() == "taken"


def check_room():
    """What was used longest ago goes first; half entries go after a day."""
    clear()
    old, new = place / "new-abcdef", place / "new-ghijkl"
    for path in (old, new):
        path.mkdir(mode=0o700)
        (path / "model.dure").write_bytes(b"half")
    os.utime(old, (time.time() - 90000,) * 2)
    assert run("weights") == "kept" and run("external") == "kept"
    assert not old.exists() and new.exists()
    assert run("weights") == "taken"
    bytes_of = {path: each["bytes"] for path, each in entries().items()}
    limit = sum(bytes_of.values()) // 1024 + 1
    used = entry_of("weights"), entry_of("external")
    shutil.copy(folder / "weights.onnx", folder / "third.onnx")
    assert run("third", DURE_CACHE_SIZE=f"{limit}K") == "kept"
    assert used[0].exists() and not used[1].exists()
    shutil.rmtree(new)


def generate(path, *options):
    time.sleep(SETTLED)
    done = subprocess.run(
        ["dure", "generate", path, "--prompt-ids", "1,2,3", "--max-tokens", "3", "--json",
         *options], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told["compile_cache"], told["tokens"]


def check_checkpoints():
    for path, weights in ((folder / "llama", "model.safetensors"),
                          (folder / "llama-gguf" / "model.gguf", "")):
        kept, tokens = generate(path)
        assert kept == "kept"
        assert generate(path) == ("taken", tokens)
        assert generate(path, "--no-cache") == ("none", tokens)
        # The weights stay where they are, or go along.
        os.utime(path / weights)
        assert generate(path) == ("kept", tokens)
    config = folder / "llama" / "generation_config.json"
    config.write_text('{"max_length": 100}')
    assert generate(folder / "llama")[0] == "kept"
    assert generate(folder / "llama")[0] == "taken"
    # Links that lead elsewhere are refused as before.
    shutil.copytree(folder / "llama", folder / "linked")
    (folder / "linked" / "model.safetensors").unlink()
    (folder / "linked" / "model.safetensors").symlink_to(folder / "llama" / "model.safetensors")
    assert generate(folder / "linked", "--allow-links")[0] == "kept"
    assert generate(folder / "linked", "--allow-links")[0] == "taken"
    refused = subprocess.run(
        ["dure", "generate", folder / "linked", "--prompt-ids", "1"], env=environment(),
        stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 1 and "--allow-links" in refused.stderr, refused


if "--checkpoints" in sys.argv:
    check_checkpoints()
else:
    clear()
    check_stale()
    check_damaged()
    check_side_by_side()
    check_room()
    # For what follows.
    clear()
    assert run() == "kept"
    subprocess.run(["dure", "check", folder / "add.onnx", "--data", folder / "data",
                    "--per-dispatch"], env=environment(), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
