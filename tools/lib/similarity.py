# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the similarity matrix of sentences: the cosines of their vectors.

usage: similarity.py VECTORS.npy SENTENCES.txt
       similarity.py LAST_HIDDEN_STATE.npy FOLDER

The second form takes what an encoder gives for each token. FOLDER holds sentences.txt, attention_mask.npy and similarity.npy, the expected
matrix. A sentence's vector is the mean of its tokens' vectors, the mask saying
which count. Ends with status 1 when the matrix is not the expected one. Needs
Python's standard library only.
"""

import array
import ast
import math
import pathlib
import sys

TOLERANCE = 1e-3
CODES = {"<f4": "f", "<f8": "d", "<i8": "q", "<i4": "i"}


def read_npy(path):
    """The shape and the flat values of a little-endian C-ordered .npy."""
    data = path.read_bytes()
    if data[:6] != b"\x93NUMPY":
        sys.exit(f"{path}: not an .npy file")
    start = 10 if data[6] == 1 else 12
    end = start + int.from_bytes(data[8:start], "little")
    header = ast.literal_eval(data[start:end].decode("latin-1"))
    if header["fortran_order"] or header["descr"] not in CODES:
        sys.exit(f"{path}: {header['descr']} in this order is not read here")
    values = array.array(CODES[header["descr"]])
    values.frombytes(data[end:])
    return header["shape"], values


def sentence_vector(state, mask, width):
    """The mean over the tokens that count, of length 1."""
    total = [0.0] * width
    for token, counts in enumerate(mask):
        if counts:
            for i in range(width):
                total[i] += state[token * width + i]
    norm = math.sqrt(sum(x * x for x in total))
    return [x / norm for x in total]


def print_matrix(vectors, sentences):
    """Prints the matrix, and returns its rows. Vectors are of length 1."""
    matrix = []
    for i, sentence in enumerate(sentences):
        row = [sum(x * y for x, y in zip(vectors[i], v)) for v in vectors]
        print(f"{i + 1}  " + " ".join(f"{x:6.3f}" for x in row), "", sentence)
        matrix.append(row)
    return matrix


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    shape, values = read_npy(pathlib.Path(sys.argv[1]))
    folder = pathlib.Path(sys.argv[2])
    if folder.is_file():
        width = shape[-1]
        vectors = [values[i : i + width] for i in range(0, len(values), width)]
        print_matrix(vectors, folder.read_text("utf-8").splitlines())
        return
    sentences = (folder / "sentences.txt").read_text("utf-8").splitlines()
    batch, length, width = shape
    mask_shape, mask = read_npy(folder / "attention_mask.npy")
    expected_shape, expected = read_npy(folder / "similarity.npy")
    if mask_shape != (batch, length) or expected_shape != (batch, batch):
        sys.exit(f"{sys.argv[1]}: {batch} x {length} does not fit {folder}")

    size = length * width
    vectors = [
        sentence_vector(
            values[b * size : (b + 1) * size],
            mask[b * length : (b + 1) * length],
            width,
        )
        for b in range(batch)
    ]
    worst = 0.0
    for i, row in enumerate(print_matrix(vectors, sentences)):
        for j, value in enumerate(row):
            # Not max(): a NaN must not pass.
            error = abs(value - expected[i * batch + j])
            worst = error if not error <= worst else worst
    print(f"\nLargest difference from the reference: {worst:.1e}")
    if not worst <= TOLERANCE:
        sys.exit(f"The matrix is wrong: {TOLERANCE:g} is allowed.")


main()
