#!/usr/bin/env python3
"""Write tests/goldens/texts.json: the 200 texts on which inferd must equal the reference.

Every text has a kind, which tells what it is there to break. The file is pure ASCII (everything
else is escaped) and the same on every run: random texts come from a fixed seed.
Texts are sequences of Unicode scalar values: no lone surrogates, as UTF-8 has none.
"""

import json
import pathlib
import random

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "texts.json"
COUNT = 200

WORDS = """the of and to in a is that for it as was with be by on not he i this are or his from at
which but have an had they you were their one all we can her has there been if more when will would
who so no said what up its about into than them only other new some could time these two may then do
first any my now such like our over man me even most made after also did many before must through
back years where much your way well down should because each just those people mr how too little
state good very make world still own see men work long get here between both life being under never
day same another know while last might us great old year off come since against go came right used
take three""".split()

HARD_WORDS = """internationalization electroencephalography antidisestablishmentarianism
photosynthesis unbelievable tokenization quasi-periodic misunderstanding hyperparameters
counterintuitively Schwarzschild Csikszentmihalyi Knuth-Morris-Pratt deoxyribonucleic""".split()

SENTENCES = [
    "That is a happy person",
    "That is a happy dog",
    "That is a very happy person",
    "Today is a sunny day",
    "The quick brown fox jumps over the lazy dog.",
    "A man is eating a piece of bread, while two women are watching him.",
    "Is this sentence, which ends with a question mark, embedded correctly?",
    "Wait... what?! No way -- really?",
    "I can't believe it's not butter; they've said \"it's fine\".",
    "Dr. Smith's 3rd paper (2019) cites [12], [13] & [14].",
]


def words(rng, count, hard=0.02):
    return " ".join(rng.choice(HARD_WORDS if rng.random() < hard else WORDS) for _ in range(count))


def any_text(rng, length):
    """Code points drawn from every plane, most of them unassigned or rare."""
    ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x74F),
              (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x9FFF),
              (0xA000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x323AF),
              (0xE0000, 0xE01FF), (0x32400, 0x10FFFF)]
    return "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(length))


def groups(rng):
    return {
        "empty or blank": ["", " ", "\t\n\r ", "   \u3000 ", "\n\n\n"],
        "one character": [
            "a", "A", "z", "7", ".", "!", "\u00e9", "\u4e2d", "\U0001f600", "\u00df", "#",
            "\u0301", "\ufffd", "\u200b", "\x00",
        ],
        "sentence": SENTENCES,
        "length": [words(rng, n) for n in (1, 2, 3, 5, 10, 10, 15, 20, 30, 30, 50, 75, 100, 150,
                                           200)],
        "truncation edge": [" ".join(["time"] * n) for n in (253, 254, 255, 256, 257, 510, 511)]
        + [" ".join(["time"] * 253) + " internationalization",
           " ".join(["time"] * 252) + " unbelievability of it", words(rng, 600),
           "x" * 99 + " " + " ".join(["day"] * 300)],
        "3,000 words": [words(rng, 3000)],
        "long word": [
            "a" * 99, "a" * 100, "a" * 101, "a" * 200, "ab" * 2500, "\u00e9" * 100,
            "e\u0301" * 60, "e\u0301" * 101, "internationalization" * 5,
            "before " + "w" * 150 + " after", "\u0e01" * 120, "-" * 150,
        ],
        "emoji": [
            "\U0001f600\U0001f602\U0001f923", "I \u2764\ufe0f NY",
            "thumbs \U0001f44d\U0001f3fd up",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
            "\U0001f3f3\ufe0f\u200d\U0001f308 flag \U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
            "1\ufe0f\u20e3 2\ufe0f\u20e3 #\ufe0f\u20e3", "so\U0001f525hot\U0001f525right",
            "\u263a \u263a\ufe0f \u263a\ufe0e",
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "\U0001fae8\U0001fabf new emoji",
        ],
        "cjk": [
            "\u4f60\u597d\u4e16\u754c",
            "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002",
            "\u30ab\u30bf\u30ab\u30ca\u3068\u3072\u3089\u304c\u306a",
            "mixed\u4e2d\u6587English\u6df7\u5408",
            "\uff21\uff22\uff23\uff11\uff12\uff13\uff01", "\uff76\uff80\uff76\uff85 half width",
            "\U00020000\U0002a6d6\U0002f800 rare", "\u3400\u4db5\uf900\ufa6d compatibility",
            "\u300c\u5f15\u7528\u300d\u3001\u3002\u30fb", "\u3041\u3099\u304b\u3099 \u304c",
            "\u4e00\u9fff\u9fa6\u9fbb edges", "\u31c0\u3105\u31f0\u3200\u3300 squared",
        ],
        "accents": [
            "caf\u00e9 na\u00efve r\u00e9sum\u00e9",
            "cafe\u0301 nai\u0308ve re\u0301sume\u0301",
            "\u00c0\u00c9\u00ce\u00d5\u00dc \u00e7 \u00f1 \u00f8 \u0142 \u0111",
            "Ti\u1ebfng Vi\u1ec7t c\u00f3 d\u1ea5u", "\u1e9b\u0323 \u1e0b\u0323 \u1e69",
            "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324"
            "\u031ea\u0361l\u0489go",
            "\u00c5 \u212b A\u030a", "\u2126 \u03a9 \u2000\u2001 k\u212a",
            "\u0130stanbul \u0131\u015f\u0131k I\u0307", "stra\u00dfe STRASSE \u1e9e",
            "\ufb01nance \ufb03 \u01c4 \u01c5 \u01c6",
            "x\u00b2 + y\u00b3 = z\u2074 \u00bd \u2153",
        ],
        "script": [
            "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645",
            "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f \u0640\u0640 \u0661\u0662\u0663",
            "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
            "\u05d1\u05bc\u05b0\u05e8\u05b5\u05d0\u05e9\u05c1\u05b4\u05d9\u05ea",
            "\u0928\u092e\u0938\u094d\u0924\u0947"
            " \u0926\u0941\u0928\u093f\u092f\u093e \u0915\u093c",
            "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01 \u0e33",
            "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4",
            "\u1112\u1161\u11ab\u1100\u1173\u11af jamo",
            "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u1ca3\u1c90 \u10a0",
            "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0439 \u0438\u0306 \u0451",
            "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5"
            " \u039f\u0394\u039f\u03a3 \u03c2",
            "\u0532\u0561\u0580\u0587 \u0561\u0577\u056d\u0561\u0580\u0570",
            "\u13a0\u13a1 \uab70 \u13f8",
            "\u0b95\u0bcd\u0bb7 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bca",
            "\u1780\u17d2\u1798\u17c2\u179a \u1781\u17d2\u1789\u17bb\u17c6",
            "\u0f0b\u0f56\u0f7c\u0f51\u0f0b\u0f66\u0f90\u0f51",
            "\u1820\u1821\u180b \u1200\u1201 \u07ca\u07cb",
            "\U00010400\U00010428 \U0001e900\U0001e922 \U00016e40\U000104b0",
            "\U0001d400\U0001d4d0 \U0001d7d8 math", "\u2c00\u2c30 \ua640 \ua722 \u0370",
        ],
        "control": [
            "\x00", "null\x00inside", "\x01\x02\x1b[31mred\x1b[0m\x7f",
            "tab\tnew\nline\rreturn\x0bvt\x0cff", "c1 \x80\x85\x9f end",
            "zero\u200bwidth\u200cjoin\u200d er\u2060", "\ufeffbom first", "bom\ufeffinside",
            "soft\u00adhyphen", "\u202eoverride\u202c \u2066iso\u2069",
            "private \ue000\uf8ff\U000f0000\U0010fffd",
            "unassigned \u0378\u05ff\U0001ffff \U000e0fff", "noncharacter \ufdd0\ufffe\uffff",
            "replacement \ufffd\ufffd", "\x1c\x1d\x1e\x1f separators",
            "variation \ufe0f\ufe00 \U000e0100",
        ],
        "special token": [
            "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[CLS] [MASK] [SEP]", "[mask]",
            "[Mask] me", "a[MASK]b", "[CLS][SEP][PAD][UNK]", " [MASK] ", "the [MASK].",
            "[ MASK ]", "[MASK", "##ing ##s", "<s> </s> <mask> <unk>", "<|endoftext|> [INST]",
            "[unused1] [unused99]", "hello [SEP] world [SEP]", "[\u200bMASK] [MA\u0301SK]",
        ],
        "white space": [
            "  leading", "trailing  ", "in   the    middle", "\u00a0nbsp\u00a0here\u00a0",
            "thin\u2009em\u2003hair\u200aline\u2028para\u2029end",
            "ogham\u1680mongol\u180eideo\u3000end", "\u0085nel\u0085", "a\tb\tc\t",
            "line one\r\nline two\r\n",
        ],
        "punctuation": [
            "\u201cquotes\u201d \u2018single\u2019 \u00abguillemets\u00bb \u2039x\u203a",
            "dash \u2013 \u2014 \u2015 \u2212 hyphen\u2010\u2011",
            "\u2026 \u2025 \u2024 \u00b7 \u2022 \u30fb", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
            "\u00bfQu\u00e9? \u00a1S\u00ed!", "\u20ac5 \u00a310 \u00a520 \u20b930 $40 \u00a2",
            "a+b=c; d*e/f^g|h~i`j", "\u060c\u061b\u061f \u0964\u0965 \u055d\u0589 \u05be\u05c3",
            "\u2190\u2192\u21d2 \u2200\u2203\u2208 \u221e\u2248\u2260 \u2122\u00ae\u00a9\u2117",
            "\u3008\u3009\ufe30\ufe35\uff5e\U00010100\U0001f000",
        ],
        "code, numbers, addresses": [
            "https://example.org/a/b?q=1&r=%20#frag", "mail me@example.co.uk or @user #tag",
            "for (int i = 0; i < n; i++) { x[i] += 1.5e-3f; }",
            "SELECT * FROM t WHERE a != 'b''c' -- comment",
            "{\"k\": [1, 2.50, null, \"\\u00e9\"]}", "3.14159 1,000,000 1e10 0xFF -42 +7 50%",
            "192.168.0.1:8080 ::1 00:1A:2B", "2024-02-29T23:59:59.999Z",
            "C:\\Users\\me\\file.txt ~/.bashrc",
            "snake_case camelCase kebab-case SCREAMING_CASE",
        ],
        "mixed": [
            "Le caf\u00e9 \u2615 co\u00fbte 3,50\u00a0\u20ac \u2014"
            " \u6771\u4eac\u3067\u306f \u00a5500 \U0001f5fe",
            "\u0645\u0631\u062d\u0628\u0627 hello \u05e9\u05dc\u05d5\u05dd"
            " \u4f60\u597d \u041f\u0440\u0438\u0432\u0435\u0442"
            " \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
            "ALL CAPS, lower, MiXeD CaSe, ALLCAPS123abc",
        ],
    }


def build():
    rng = random.Random(20240229)
    rows = [{"kind": kind, "text": text} for kind, texts in groups(rng).items() for text in texts]
    while len(rows) < COUNT:
        rows.append({"kind": "random", "text": any_text(rng, rng.choice((4, 16, 64, 200)))})
    assert len(rows) == COUNT, len(rows)
    return rows


def main():
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in build())
    OUT.write_text("[\n" + lines + "\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
