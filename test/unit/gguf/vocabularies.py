#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes vocabularies.npz: small vocabularies as GGUF files, texts, and the ids
that the tokenizers have for them of which the files were made.

    python vocabularies.py [vocabularies.npz]

For each vocabulary: `NAME.gguf` (a file without tensors), `NAME.texts` (UTF-8,
each text ended by a zero byte), `NAME.counts` (ids of each text) and `NAME.ids`.
The tokenizers are trained on this repository's documents, then written down as
llama.cpp's converters do. Those of sentencepiece's kinds, and of Gemma, are what
transformers makes of the same files; sentencepiece itself has the unigrams. Needs
tokenizers, transformers, sentencepiece and gguf.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoTokenizer

ROOT = Path(__file__).resolve().parents[3]
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = (
    CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTION}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTION}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = GPT4O.replace(CONTRACTION + "?", "").replace(r"\p{N}{1,3}", r"\p{N}")
EXAONE_MOE = (
    CONTRACTION + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"
)
DEEPSEEK3 = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"
    r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
]
GPT2 = None
DIGITS = pre_tokenizers.Digits(individual_digits=True)
# Name in the file -> expressions or pre-tokenizers in front of ByteLevel, whether
# words that are tokens stay whole, whether text is composed.
BYTE_LEVEL = {
    "gpt-2": ([GPT2], False, False),
    "smollm": ([DIGITS, GPT2], False, False),
    "exaone": ([DIGITS, GPT2], False, False),
    "llama-bpe": ([LLAMA3], True, False),
    "qwen2": ([QWEN2], False, True),
    "gpt-4o": ([GPT4O], False, False),
    "tekken": ([TEKKEN], True, False),
    "exaone-moe": ([EXAONE_MOE], False, False),
    "deepseek-v3": (DEEPSEEK3, False, False),
}


def corpus():
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tools/dure/Messages.def"]
    lines = "\n".join(path.read_text() for path in files).split("\n")
    return [line for line in lines if line.strip()]


def texts_of(tokens):
    """Texts of pieces of all kinds, some of which are tokens."""
    rng = random.Random(7)
    pieces = [t for t in tokens if not t.startswith("<0x") and "\0" not in t]
    pieces = rng.sample(pieces, 60) + [
        "안녕하세요", " 반갑습니다", "각", "한글", "漢字", "日本語の", "é", "e\u0301",
        "😀", "👨‍👩‍👧", "  ", "   ", " ", "\n", "\n\n", "\r\n", "\t", "don't", "I'LL",
        "it's", "12345", "٣٤", "3.14", "snake_case", "CamelCase", "ALLCAPS", "a.b/c",
        "!!!", "—", "…", "<s>", "</s>", "[x]", "<|end|>", "x = [1, 2]", "\u00a0",
    ]  # fmt: skip
    texts = ["", " ", "a", "  leading", "trailing  ", "가나다 라마바"]
    for _ in range(90):
        texts.append("".join(rng.choice(pieces) for _ in range(rng.randint(1, 10))))
    return texts


def write(path, arch, model, tokens, kinds, extra, scores=None, merges=None):
    writer = gguf.GGUFWriter(path, arch)
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    if scores:
        writer.add_token_scores([float(score) for score in scores])
    if merges:
        writer.add_token_merges(merges)
    extra(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def byte_level(name, folder, lines):
    splits, ignores_merges, composes = BYTE_LEVEL[name]
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignores_merges))
    if composes:
        tokenizer.normalizer = normalizers.NFC()
    steps = []
    for split in splits:
        if isinstance(split, str):
            steps.append(pre_tokenizers.Split(Regex(split), "isolated"))
        elif split is not GPT2:
            steps.append(split)
    uses_gpt2 = GPT2 in splits
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=uses_gpt2))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "<|end|>", "[x]"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    vocab = tokenizer.get_vocab()
    tokens = sorted(vocab, key=vocab.get)
    kinds = [CONTROL, CONTROL, USER] + [NORMAL] * (len(tokens) - 3)
    adds_bos = name in ("llama-bpe", "tekken")
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 0)]
        )
    model = json.loads(tokenizer.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]

    def extra(writer):
        writer.add_tokenizer_pre(name)
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)

    write(folder / f"{name}.gguf", "llama", "gpt2", tokens, kinds, extra, merges=merges)
    return tokens, lambda text: tokenizer.encode(text).ids


def kinds_of(pieces):
    kinds = []
    for i in range(pieces.vocab_size()):
        kind = NORMAL
        if pieces.is_unknown(i):
            kind = UNKNOWN
        elif pieces.is_control(i):
            kind = CONTROL
        elif pieces.is_byte(i):
            kind = BYTE
        elif pieces.id_to_piece(i) == "[x]":
            kind = USER
        kinds.append(kind)
    return kinds


def train_pieces(kind, folder, lines, **options):
    (folder / "corpus.txt").write_text("\n".join(lines))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / kind),
        vocab_size=900,
        model_type=kind,
        character_coverage=0.98,
        minloglevel=2,
        **options,
    )
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{kind}.model"))


def add_ids(writer):
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def sentence_pieces(name, arch, folder, lines):
    pieces = train_pieces(
        "bpe",
        folder,
        lines,
        byte_fallback=True,
        user_defined_symbols=["[x]"],
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
    )
    count = pieces.vocab_size()
    tokens = [pieces.id_to_piece(i) for i in range(count)]
    scores = [pieces.get_score(i) for i in range(count)]
    kinds = kinds_of(pieces)
    if arch.startswith("gemma"):
        # Runs of spaces are spelled as such.
        tokens += [" " * n for n in range(2, 6)]
        scores += [-1000.0] * 4
        kinds += [USER] * 4

    def extra(writer):
        add_ids(writer)
        if arch.startswith("gemma"):
            writer.add_add_space_prefix(False)

    path = folder / f"{name}.gguf"
    write(path, arch, "llama", tokens, kinds, extra, scores=scores)
    reference = AutoTokenizer.from_pretrained(folder, gguf_file=path.name)
    return tokens, lambda text: reference.backend_tokenizer.encode(text).ids


def unigrams(name, folder, lines):
    pieces = train_pieces("unigram", folder, lines)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString((folder / "unigram.model").read_bytes())
    count = pieces.vocab_size()
    tokens = [pieces.id_to_piece(i) for i in range(count)]
    scores = [pieces.get_score(i) for i in range(count)]

    def extra(writer):
        add_ids(writer)
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_precompiled_charsmap(proto.normalizer_spec.precompiled_charsmap)
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(True)

    path = folder / f"{name}.gguf"
    write(path, "bert", "t5", tokens, kinds_of(pieces), extra, scores=scores)
    return tokens, lambda text: [1, *pieces.encode(text), 2]


def words(name, folder, lines):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=1500, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    vocab = tokenizer.get_vocab()
    tokens = sorted(vocab, key=vocab.get)
    spelled = special + [
        t[2:] if t.startswith("##") else "\u2581" + t for t in tokens[len(special) :]
    ]
    kinds = [CONTROL] * len(special) + [NORMAL] * (len(tokens) - len(special))

    def extra(writer):
        writer.add_bos_token_id(2)
        writer.add_sep_token_id(3)
        writer.add_unk_token_id(1)
        writer.add_pad_token_id(0)
        writer.add_mask_token_id(4)

    path = folder / f"{name}.gguf"
    write(path, "bert", "bert", spelled, kinds, extra)
    return tokens, lambda text: tokenizer.encode(text).ids


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else "vocabularies.npz"
    lines, arrays = corpus(), {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = {name: byte_level(name, folder, lines) for name in BYTE_LEVEL}
        made["pieces"] = sentence_pieces("pieces", "llama", folder, lines)
        made["gemma"] = sentence_pieces("gemma", "gemma3", folder, lines)
        made["unigrams"] = unigrams("unigrams", folder, lines)
        made["words"] = words("words", folder, lines)
        for name, (tokens, encode) in made.items():
            texts = texts_of(tokens)
            if name == "unigrams":
                # To sentencepiece, special tokens in a text are text.
                texts = [t for t in texts if "<s>" not in t and "</s>" not in t]
            ids = [encode(text) for text in texts]
            data = (folder / f"{name}.gguf").read_bytes()
            joined = "".join(text + "\0" for text in texts).encode()
            arrays[f"{name}.gguf"] = np.frombuffer(data, np.uint8)
            arrays[f"{name}.texts"] = np.frombuffer(joined, np.uint8)
            arrays[f"{name}.counts"] = np.array([len(each) for each in ids], np.int64)
            arrays[f"{name}.ids"] = np.array(sum(ids, []), np.int64)
            print(name, len(texts), sum(map(len, ids)))
    np.savez_compressed(output, **arrays)


if __name__ == "__main__":
    main()
