# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# lit configuration of Dure's tests: formats, tools, features.
#
# Every file named *.mlir or *.test is a test. What a test needs and the build
# or the machine may lack is a feature (REQUIRES:), so that it is skipped with
# its reason; nothing here reaches for a network.

import os
import platform

import lit.formats

config.name = "dure"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "expect_rc.py", "unit", "models", "benchmark", "fuzz", "hostile"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.dure_build_dir, "test")

# Messages are compared in English unless a test asks otherwise.
config.environment["LC_ALL"] = "C.UTF-8"
config.environment["LANG"] = "C.UTF-8"
# Tests of the cache name a folder of theirs.
config.environment["DURE_CACHE"] = "off"
# Tests run side by side already.
config.environment["OMP_NUM_THREADS"] = "2"
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

bin_dir = os.path.join(config.dure_build_dir, "bin")
lib_dir = config.dure_lib_dir
config.environment["PATH"] = os.path.pathsep.join(
    [bin_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)

config.substitutions += [
    # %expect-rc N COMMAND: tells a refusal (1) from wrong usage (2) and a crash.
    (
        "%expect-rc",
        f"{config.python} {os.path.join(config.test_source_root, 'expect_rc.py')}",
    ),
    ("%dure_source", config.dure_source_dir),
    ("%dure_build", config.dure_build_dir),
    ("%dure_lib", lib_dir),
    ("%plugins", os.path.join(config.dure_build_dir, "test", "compiler", "plugins")),
    ("%models", os.path.join(config.test_source_root, "models")),
    ("%data", config.dure_data_dir),
    ("%python", config.python),
    ("%cmake", config.cmake),
]


def has_library(name):
    return os.path.exists(os.path.join(lib_dir, name))


# What was built.
if has_library("libDureCompiler.so"):
    config.available_features.add("compiler")
else:
    # IR needs dure-opt, which a build of the runtime alone does not have.
    config.suffixes = [".test"]
for entry in os.listdir(lib_dir) if os.path.isdir(lib_dir) else []:
    for prefix in ("libdure-target-", "libdure-driver-"):
        if entry.startswith(prefix) and entry.endswith(".so"):
            # "target-cpu", "driver-null"
            config.available_features.add(entry[len("libdure-") : -len(".so")])
for sanitizer in config.dure_sanitize.replace(",", " ").split():
    config.available_features.add("sanitize-" + sanitizer)

# What the machine is.
config.available_features.add(platform.machine())
try:
    with open("/proc/cpuinfo") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("flags"):
                flags = line.split()
                for flag in ("avx2", "avx512f"):
                    if flag in flags:
                        config.available_features.add(flag)
                break
except OSError:
    pass

# A chip vendor's tool, which its user has: tools/test --vendor-tools names it.
# Tests of our own side stand a program of theirs for it.
furiosa_tcc = os.environ.get("DURE_FURIOSA_TCC")
if furiosa_tcc:
    config.available_features.add("furiosa-tcc")
    config.substitutions.append(("%furiosa_tcc", furiosa_tcc))

# What was downloaded (tools/test does that; check-dure alone does not).
minilm = os.path.join(config.dure_data_dir, "minilm", "model.onnx")
if os.path.exists(minilm):
    config.available_features.add("minilm")
config.substitutions.append(("%minilm", minilm))
smollm2 = os.path.join(config.dure_data_dir, "smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
if os.path.exists(smollm2):
    config.available_features.add("smollm2")
config.substitutions.append(("%smollm2", smollm2))
node_tests = os.path.join(config.dure_data_dir, "onnx-node-tests")
if os.path.isdir(node_tests):
    config.available_features.add("onnx-node-tests")
config.substitutions.append(("%onnx_node_tests", node_tests))
