# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tokenizers that the test keeps: small ones of every kind, trained on
what corpus.py writes.

Each function returns the text of a tokenizer.json.
"""

import base64
import io
import json

import corpus
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers, pre_tokenizers, processors, trainers)

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[\s]?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕ]+",
            r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", r"[一-龥ࠀ-一가-퟿]+")


def specials(**changes):
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "</s>", "<pad>", "[MASK]"]
    tokens = [AddedToken(name, special=True, normalized=False) for name in names]
    tokens.append(AddedToken("<mask>", special=True, lstrip=True, normalized=False))
    return tokens


def plain():
    return [AddedToken("<extra_0>", special=False, normalized=True),
            AddedToken("<extra_1>", special=False, normalized=False, rstrip=True),
            AddedToken("word", special=False, single_word=True, normalized=True),
            AddedToken("두레", special=False, single_word=True, normalized=False),
            AddedToken("ABC", special=False, normalized=True),
            AddedToken("<tool>", special=False, lstrip=True, rstrip=True, normalized=True)]


def training_texts(count=4000):
    lines = list(corpus.fragment_lines())
    for kind in ("korean", "korean", "mixed", "code"):
        for text in corpus.strings(lines, kind, count):
            yield text.decode("utf-8")


def finish(tokenizer, template=None):
    tokenizer.add_special_tokens(specials())
    tokenizer.add_tokens(plain())
    if template:
        pieces = {name: tokenizer.token_to_id(name) for name in template.split() if not name.startswith("$")}
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=template, pair=f"{template} $B:1", special_tokens=list(pieces.items()))])
    return tokenizer


def byte_level(pre, size=2500, normalizer=None, template=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(training_texts(), trainer)
    return finish(tokenizer, template)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def raw_bytes():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def gpt2():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")))
    return tokenizer


def llama3():
    return byte_level(pre_tokenizers.Sequence([split(LLAMA3), raw_bytes()]), template="<|endoftext|> $A", ignore_merges=True)


def qwen2():
    return byte_level(pre_tokenizers.Sequence([split(QWEN2), raw_bytes()]), normalizer=normalizers.NFC())


def gpt4o():
    return byte_level(pre_tokenizers.Sequence([split(GPT4O), raw_bytes()]))


def kimi():
    return byte_level(pre_tokenizers.Sequence([split(KIMI), raw_bytes()]))


def deepseek():
    steps = [split(pattern) for pattern in DEEPSEEK]
    return byte_level(pre_tokenizers.Sequence([split(r"[\r\n]"), *steps, pre_tokenizers.Digits(individual_digits=True), raw_bytes()]))


def smollm():
    return byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False)]))


def falcon():
    """Cut once more after bytes have become characters."""
    return byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
        pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]")]), size=1500)


def bloom():
    """A set in a set, negated."""
    return byte_level(pre_tokenizers.Sequence([split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), raw_bytes()]), size=1500)


def clip():
    """Bytes as characters, and ends of words."""
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(words, "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=1500, show_progress=False, end_of_word_suffix="</w>", special_tokens=["<|endoftext|>"])
    tokenizer.train_from_iterator(training_texts(), trainer)
    return finish(tokenizer)


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
META_DECODER = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def sentencepiece_bpe(legacy):
    """Like Llama 2: bytes for what is unknown, a mark for spaces."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    mark = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(mark)
    # Trained in words, used in whole texts.
    tokenizer.pre_tokenizer = split("▁", "merged_with_next")
    trainer = trainers.BpeTrainer(vocab_size=2500, show_progress=False, limit_alphabet=400, special_tokens=["<unk>", "<s>", "</s>", *BYTES])
    tokenizer.train_from_iterator(training_texts(), trainer)
    strip = [decoders.Strip(" ", 1, 0)]
    if legacy:
        tokenizer.pre_tokenizer = None
        tokenizer.decoder = decoders.Sequence(META_DECODER + strip)
    else:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        tokenizer.decoder = decoders.Sequence(META_DECODER + strip)
    return finish(tokenizer, "<s> $A")


def gemma():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = split(" ", "merged_with_previous")
    trainer = trainers.BpeTrainer(vocab_size=2500, show_progress=False, limit_alphabet=400, special_tokens=["<unk>", *BYTES])
    tokenizer.train_from_iterator(training_texts(), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(META_DECODER)
    return finish(tokenizer, "<s> $A </s>")


def charsmap(rules):
    """The map of SentencePiece's normalization rules, from a model trained with them."""
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(training_texts()), model_writer=out, vocab_size=1500, hard_vocab_limit=False, character_coverage=0.99,
        normalization_rule_name=rules, minloglevel=2)
    from sentencepiece import sentencepiece_model_pb2 as format

    model = format.ModelProto()
    model.ParseFromString(out.getvalue())
    return model


def unigram(byte_fallback):
    """Like XLM-R and T5, or with bytes for what is unknown."""
    model = charsmap("nmt_nfkc_cf" if byte_fallback else "nmt_nfkc")
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    if byte_fallback:
        pieces += [(name, -20.0) for name in BYTES]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=byte_fallback))
    data = json.loads(tokenizer.to_str())
    data["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()},
        {"type": "Strip", "strip_left": byte_fallback, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}
    tokenizer = Tokenizer.from_str(json.dumps(data))
    if byte_fallback:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        tokenizer.decoder = decoders.Metaspace()
    return finish(tokenizer, "$A </s>")


def wordpiece(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=lowercase)
    trainer = trainers.WordPieceTrainer(vocab_size=2500, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    tokenizer.train_from_iterator(training_texts(), trainer)
    tokenizer.add_special_tokens(specials())
    tokenizer.add_tokens(plain())
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def word_level():
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Nmt()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(),
                                                       pre_tokenizers.Punctuation("contiguous")])
    trainer = trainers.WordLevelTrainer(vocab_size=2500, show_progress=False, special_tokens=["[UNK]"])
    tokenizer.train_from_iterator(training_texts(), trainer)
    return finish(tokenizer)


def old_gpt():
    """Ends of words in the vocabulary, as in the first GPT."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(vocab_size=2500, show_progress=False, end_of_word_suffix="</w>", limit_alphabet=400, special_tokens=["<unk>"])
    tokenizer.train_from_iterator(training_texts(), trainer)
    return finish(tokenizer)


def prefixed():
    """A prefix for what goes on with a word; unknown characters by themselves."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=False))
    # The library's table of scripts is Unicode 9's: without what is newer.
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\d{5,}"), "#"),
                                                 normalizers.Replace(Regex("[🫠🧑Ꟙ]"), "")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.FixedLength(6)])
    trainer = trainers.BpeTrainer(vocab_size=2500, show_progress=False, continuing_subword_prefix="##", limit_alphabet=400, special_tokens=["<unk>"])
    tokenizer.train_from_iterator(training_texts(), trainer)
    return finish(tokenizer)


def ctc():
    """Letters and a mark between words, as speech models have them."""
    letters = sorted({c for text in training_texts(500) for c in text if c != " "})
    vocab = {token: i for i, token in enumerate(["<pad>", "<unk>", "|", *letters[:600]])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "|")
    tokenizer.pre_tokenizer = split("", "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "removed", True)
    tokenizer.decoder = decoders.CTC()
    return finish(tokenizer)


def byte_normalized():
    """Bytes as characters from the beginning, cut after that."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.ByteLevel()])
    tokenizer.pre_tokenizer = split(r"Ġ?[^Ġ]+|Ġ", "isolated")
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=1500, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(training_texts(), trainer)
    return finish(tokenizer)


def whole():
    """No decoder, no cutting: whole texts to the model."""
    tokenizer = byte_level(raw_bytes(), size=1200)
    tokenizer.decoder = None
    return tokenizer


MADE = {
    "gpt2": gpt2, "llama3": llama3, "qwen2": qwen2, "gpt4o": gpt4o, "kimi": kimi, "deepseek": deepseek, "smollm": smollm,
    "falcon": falcon, "bloom": bloom, "clip": clip,
    "llama2-legacy": lambda: sentencepiece_bpe(True), "llama2": lambda: sentencepiece_bpe(False), "gemma": gemma,
    "unigram": lambda: unigram(False), "unigram-bytes": lambda: unigram(True),
    "wordpiece": lambda: wordpiece(True), "wordpiece-cased": lambda: wordpiece(False), "word-level": word_level,
    "old-gpt": old_gpt, "prefixed": prefixed, "ctc": ctc, "byte-normalized": byte_normalized, "whole": whole,
}
