# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Strings to test tokenizers with, the same here and in Corpus.cpp.

A string is a row of fragments, drawn by a generator of random numbers that both
languages have. The fragments are stored beside the expected results
(fragments.txt), so that there is one list.
"""

KINDS = ("korean", "mixed", "code", "space", "invalid", "special")
MASK = (1 << 64) - 1

KOREAN = """
가 나 다 은 는 이 가 을 를 의 에서 으로 하였습니다 했다 합니다 입니다 안녕하세요 대한민국
서울특별시 인공지능 반도체 두레 마을 사람들이 모여서 함께 일하는 것을 말한다 그리고 그러나
컴파일러는 모델을 읽어 칩의 명령으로 바꾼다 텐서 행렬 곱셈 어텐션 캐시 메모리 대역폭
뷁 똠방각하 펲시콜라 쓩 찦차 괜찮아요 않았는데 읽고 값을 닭이 ㅋㅋㅋ ㅠㅠ ㅎㄷㄷ ㅇㅋ ㅏ ㄳ
2026년 11월 27일 3.14% 1,234원 10kg 제3조 ①항 漢字 國家 大韓民國 （주） ㈜ 『두레』 「마을」 · … ～ ―
“따옴표” ‘작은’ 《책》 오전9시 GPU와 NPU를 AI를 C++로 파이썬Python ＡＢＣ１２３ ﾊﾝｶｸ 가나다라마바사아자차카타파하
왜냐하면 갔었던 어떻게 뭐라고요? 진짜!! 아니, 글쎄… (웃음) 한-미 남/북 A와B @두레 #마을
""".split() + ["\u1112\u1161\u11ab\u1100\u1173\u11af", "\u1100\u1161", "\u11a8", "\ua960\ud7b0", "\u115f\u1160", "\u3131\u314f", "\ud55c\u0301"]

MIXED = """
The quick brown fox jumps naïve café résumé Über straße Ærøskøbing İstanbul ıı ΑΒΓ ὈΔΥΣΣΕΎΣ λόγος
Привет мир ёлка Україна שלום עוֹלָם مرحبا العَرَبِيَّة हिन्दी क्षत्रिय தமிழ் ไทย ภาษาไทย ქართული հայերեն አማርኛ
日本語 カタカナ ひらがな ー 東京タワー 中文 汉字 漢字 龍龜 Việt Tiếng Nguyễn ａｂｃ ﬁn ﬀ ﬃ ſt ẞ ß ŉ ǆ ǅ
½ ⅓ Ⅷ ⅷ ① ⓐ Ⓑ ² ₃ ٣٤ १२ ৪ 𝐇𝐞𝐥𝐥𝐨 𝔘𝔫𝔦 𝟘𝟙 ™ ℃ Å Ω № ￥ € £ ¥ § ¶ † ‰ ‽ ¿ ¡ « » „ “ ” – — ― … · • ◦ ※
😀 👍 👍🏽 👩‍💻 👨‍👩‍👧‍👦 🇰🇷 🇺🇸🇯🇵 ❤️ ☃ ♥︎ 🏳️‍🌈 1️⃣ 🧑🏿‍🚀 🫠 → ⇒ ∀x∈ℝ ∑ √2 ≤ ≥ ≠ ± × ÷ ∞ ░▒▓ █ ╔═╗ ▁ ▁▁ Ġ Ċ ĉ
don't I'll we've you're it's He'd THEY'LL DON'T l'été rock'n'roll O’Neill
""".split() + ["e\u0301", "a\u0323\u0302", "\u0301", "o\u0308\u0304", "\u200d", "\ufe0f", "\u0e33", "\u0f71\u0f72", "\ufb4f", "\u212b", "\u2126", "\u1e9b\u0323", "\ufdfa", "\u00ad", "\u200b", "\u2060", "\ufeff", "\U0001f468\u200d", "\U000e0041", "\ue000", "\ufffd"]

CODE = """
def class return if else: elif for while import from lambda: None True self. __init__ print(
{ } ( ) [ ] ; : , . => -> == != <= >= && || ++ -- += <<= ** // /* */ # ## ### <!-- --> <div> </div> &amp; &lt;
int main(void) char* const static inline uint64_t std::vector<int> template<typename T> #include <stdio.h>
0x1F 0b1010 1e-5 3.14159 1_000_000 123456789 007 42 1.0f 'a' "str\\n" f"{x:>10}" `sh` $PATH ${HOME} @property
camelCaseWord snake_case_word SCREAMING_CASE kebab-case-word HTTPServer2 iPhone15 x86_64 a1b2c3 utf8mb4
https://example.com/a?b=c&d=e#f user@host.org C:\\Users\\x ../../etc/passwd ~/.bashrc 192.168.0.1 ::1 2026-11-27T02:35:00Z
SELECT * FROM t WHERE a='b'; fn main() { println!("{}"); } let mut x: Vec<u8>; var 변수 = "값"; // 주석 # 설명
\\begin{equation} \\frac{1}{2} $$x^2$$ | --- | [link](url) **bold** _it_ ~~no~~ - [x] 1. ``` ~~~
""".split() + ["    ", "\t", "\t\t", "        ", "\n", "\n\n", "\r\n", "  \n", "\n    ", "\n\t\t"]

SPACE = [" ", "  ", "   ", "    ", "        ", "\t", "\n", "\r", "\r\n", "\n\n", "\n \n", " \n", "\n ", "\v", "\f",
         "\u0085", "\u00a0", "\u1680", "\u180e", "\u2000", "\u2003", "\u2009", "\u200a", "\u200b", "\u2028", "\u2029",
         "\u202f", "\u205f", "\u3000", "\ufeff", "\x00", "\x01", "\x1c", "\x1f", "\x7f", "a", "B", "가", "1", ".", "中", "-", "é", "'s", "▁"]

# As bytes in hex.
INVALID = """
80 bf c0 c1 c2 df e0 ec ed ef f0 f4 f5 ff fe c080 e08080 e09f80 eda080 edbfbf edb080 f08080 f0808080 f08fbfbf
f4908080 f7bfbfbf f8888080 e0a0 ea b0 eab080 eab0 ed95 9c f09f98 f09f9880 9f98 c3 a9 c3a9 c328 e228a1 e28228 f0288cbc
f0908228 f0288c28 20 0a 61 41 eab080eab0 efbfbd efbfbe efbbbf fefe ffff 00 2e ec95 88eb8595 7f
""".split()

SPECIAL = """
<|endoftext|> <|im_start|> <|im_end|> <s> </s> <unk> <pad> [CLS] [SEP] [MASK] [UNK] [PAD] <extra_0> <extra_1>
<|im_start <|im_ im_end|> <| |> [MAS K] <s ></s> word words wordy 두레 두레는 <tool> tool <TOOL> ABC abc Abc
user assistant system 안녕 hello world 123 .
""".split() + [" ", "  ", "\n", "\t", "", " <s> ", "a<s>b", "가</s>나", "<mask> ", "\u3000", "x ", " x"]

FRAGMENTS = {"korean": KOREAN, "mixed": MIXED, "code": CODE, "space": SPACE, "special": SPECIAL}


def fragment_lines():
    """fragments.txt: a line for each fragment, its kind and its bytes in hex."""
    for kind in KINDS:
        if kind == "invalid":
            rows = INVALID
        else:
            rows = [text.encode("utf-8").hex() for text in FRAGMENTS[kind]]
        for row in rows:
            yield f"{kind} {row}"


class Random:
    """SplitMix64 (Steele, Lea, Flood 2014)."""

    def __init__(self, seed):
        self.state = seed & MASK

    def below(self, limit):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % limit


def strings(lines, kind, count):
    """The bytes of `count` strings of a kind, from the lines of fragments.txt."""
    by_kind = {name: [] for name in KINDS}
    for line in lines:
        name, _, data = line.partition(" ")
        by_kind[name].append(bytes.fromhex(data))
    own, other = by_kind[kind], by_kind["mixed"]
    for index in range(count):
        random = Random(KINDS.index(kind) * 1_000_003 + index)
        text = b""
        for _ in range(1 + random.below(12)):
            # One in eight is from elsewhere, so that kinds meet.
            source = other if random.below(8) == 0 else own
            text += source[random.below(len(source))]
            if random.below(2):
                text += b" "
        yield text
