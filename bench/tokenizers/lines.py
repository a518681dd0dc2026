"""Lines to tokenise: natural ones of this machine's own files, in as many languages as it has, and
generated ones with what text tends to break on. Nothing here is in the repository; the same machine
gives the same lines. Python's standard library only.
"""

import gettext
import gzip
import pathlib
import random

ROOTS = {"locale": "/usr/share/locale", "doc": "/usr/share/doc", "man": "/usr/share/man"}
MAX_LINE = 2000

# First and last code points of the ranges that random text is taken from.
SCRIPTS = {
    "ascii": (0x20, 0x7e), "latin": (0xa0, 0x24f), "ipa": (0x250, 0x2af), "greek": (0x370, 0x3ff),
    "cyrillic": (0x400, 0x52f), "armenian": (0x530, 0x58f), "hebrew": (0x590, 0x5ff),
    "arabic": (0x600, 0x6ff), "devanagari": (0x900, 0x97f), "bengali": (0x980, 0x9ff),
    "tamil": (0xb80, 0xbff), "thai": (0xe00, 0xe7f), "tibetan": (0xf00, 0xfff),
    "georgian": (0x10a0, 0x10ff), "jamo": (0x1100, 0x11ff), "cherokee": (0x13a0, 0x13ff),
    "khmer": (0x1780, 0x17ff), "mongolian": (0x1800, 0x18af), "vietnamese": (0x1e00, 0x1eff),
    "greek extended": (0x1f00, 0x1fff), "punctuation": (0x2000, 0x206f), "letterlike": (0x2100, 0x214f),
    "arrows": (0x2190, 0x21ff), "enclosed": (0x2460, 0x24ff), "dingbats": (0x2700, 0x27bf),
    "kana": (0x3040, 0x30ff), "cjk compatibility": (0x3300, 0x33ff), "han": (0x4e00, 0x9fff),
    "hangul": (0xac00, 0xd7a3), "private": (0xe000, 0xe0ff), "presentation": (0xfb00, 0xfdff),
    "halfwidth": (0xff00, 0xffef), "gothic": (0x10330, 0x1034f), "mathematical": (0x1d400, 0x1d7ff),
    "emoji": (0x1f300, 0x1faff), "han extension": (0x20000, 0x2a6df), "tags": (0xe0000, 0xe007f),
    "selectors": (0xfe00, 0xfe0f), "planes": (0x30000, 0x10fffd),
}
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\u00a0", "\u1680",
          "\u180e", "\u2000", "\u2003", "\u2007", "\u2009", "\u200a", "\u200b", "\u2028", "\u2029",
          "\u202f", "\u205f", "\u3000", "\ufeff", "\u2800", "\u00ad", "\u200c", "\u200d", "\u2060"]
EMOJI = ["\U0001f600", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
         "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7\U0001f1ef", "1\ufe0f\u20e3", "#\u20e3", "\u2764\ufe0f",
         "\u2764", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f3f4\U000e0067\U000e0062\U000e007f",
         "\U0001f9d1\U0001f3ff\u200d\U0001f4bb", "\u00a9\ufe0f", "\u3030", "\U0001fae8"]
MARKS = [chr(c) for c in (*range(0x300, 0x370), *range(0x591, 0x5c0), *range(0x64b, 0x660), 0x93c, 0x94d,
                          0x9bc, 0xe38, 0xe49, 0x1ab0, 0x1dc0, 0x20d0, 0x302a, 0x3099, 0x309a, 0xfe20,
                          0x1d165, 0x1d16d)]
TRICKY = ["\u0130stanbul", "I\u0307", "\u1e9e", "\u00df", "\u03a3\u0391\u03a3", "\u01c5", "\ufb01", "\ufb03",
          "\u212b", "\u00c5", "A\u030a", "\u0958", "\u1112\u1161\u11ab", "\ud55c", "\u2460", "\u2167",
          "\uff48\uff45\uff4c\uff4c\uff4f", "\u1e9b\u0323", "\u0344", "\u2126", "\u00bd", "\u00b2", "\u0663\u0664",
          "\u3392", "\ufdfa", "\u0e33", "\u0eb3", "\u1fbc", "\u01f0", "\u0390", "\U0001d15e", "\ufffd", "\0",
          "\x7f", "\x80", "\ue000", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff", "\u0378", "\U000e0080"]
MARKUP = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "<s>", "</s>", "<mask>", "<unk>", "<pad>", "<0x41>",
          "<|endoftext|>", "##ing", "\u2581", "\u2581the", "\u0120the", "[CLS", "mask>", "< s >"]
WORDS = """the of and to in is that for it was with be by on not he are this from at which but have
can't I'll we've don't HELLO World iPhone e-mail naive 3.14 1,000,000 2024-02-29 $5.99 50% C++ C#
user@example.com https://example.com/a?b=c&d=e#f foo_bar fooBar __init__ x=y+1; //comment ``quoted''
...""".split()


def scripts_text(rng, words):
    out = []
    for _ in range(words):
        low, high = SCRIPTS[rng.choice(list(SCRIPTS))]
        out.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12))))
    return rng.choice((" ", "", "-")).join(out)


def one_script(rng, words):
    low, high = SCRIPTS[rng.choice(list(SCRIPTS))]
    return " ".join("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12)))
                    for _ in range(words))


def any_code_point(rng, words):
    points = (rng.choice((0xff, 0x2fff, 0xffff, 0x10ffff)) for _ in range(4 * words))
    return "".join(chr(c) for c in (rng.randint(0, p) for p in points) if not 0xd800 <= c < 0xe000)


def emoji(rng, words):
    return "".join(rng.choice(EMOJI) + rng.choice(("", "", " ", "a", "\u200d", "\ufe0f"))
                   for _ in range(words))


def marks(rng, words):
    bases = "aeoAEOnz\u0639\u0915\u05d0\uac00\u304b\u1100 "
    return "".join(rng.choice(bases) + "".join(rng.choice(MARKS) for _ in range(rng.randint(0, 6)))
                   for _ in range(words))


def spaces(rng, words):
    return "".join(rng.choice(WORDS + ["\u4e2d", ""]) + "".join(rng.choice(SPACES)
                   for _ in range(rng.randint(1, 3))) for _ in range(words))


def tricky(rng, words):
    return rng.choice(("", " ")).join(rng.choice(rng.choice((TRICKY, WORDS, EMOJI))) for _ in range(words))


def markup(rng, words):
    return rng.choice(("", " ", "  ")).join(rng.choice(rng.choice((MARKUP, WORDS))) for _ in range(words))


def runs(rng, words):
    return " ".join(rng.choice("aZ0-.=_\u4e2d\u00e9\U0001f600") * rng.choice((1, 2, 3, 16, 99, 100, 101, 300))
                    for _ in range(max(1, words // 4)))


def letters(rng, words):
    text = "".join(rng.choice("etaoinshrdlu cmfwypvbgkjqxz'.,!?0123456789ETAOIN") for _ in range(6 * words))
    return text + rng.choice(("", " ", "\n", "  "))


KINDS = (scripts_text, one_script, any_code_point, emoji, marks, spaces, tricky, markup, runs, letters)


def generated(count, seed=0):
    rng = random.Random(7000 + seed)
    return ["", " ", "\n", "\u3000"] + [KINDS[i % len(KINDS)](rng, rng.randint(1, 24)) for i in range(count - 4)]


def of_catalogues(limit, rng):
    """Translations of programs: (language, text)."""
    files = sorted(pathlib.Path(ROOTS["locale"]).rglob("*.mo"))
    rng.shuffle(files)
    found = []
    for path in files:
        try:
            with open(path, "rb") as f:
                catalogue = gettext.GNUTranslations(f)._catalog
        except (OSError, ValueError, UnicodeDecodeError, LookupError):
            continue
        texts = [t for t in catalogue.values() if isinstance(t, str) and 3 < len(t) <= MAX_LINE]
        rng.shuffle(texts)
        found += texts[:max(4, limit // 400)]
        if len(found) >= 3 * limit:
            break
    rng.shuffle(found)
    return found[:limit]


def text_of(path):
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    return raw.decode("utf-8")


def of_files(root, patterns, limit, rng):
    files = sorted({p for pattern in patterns for p in pathlib.Path(root).rglob(pattern) if p.is_file()})
    rng.shuffle(files)
    found = []
    for path in files:
        try:
            text = text_of(path)
        except (OSError, UnicodeDecodeError, EOFError):
            continue
        rows = [r for r in text.split("\n") if 20 < len(r) <= MAX_LINE]
        rng.shuffle(rows)
        found += rows[:200]
        if len(found) >= limit:
            break
    return found[:limit]


def english(limit, seed=0):
    """Lines of English documentation."""
    rng = random.Random(7100 + seed)
    return of_files(ROOTS["doc"], ("README*", "NEWS*", "copyright", "*.txt", "*.md"), limit, rng)


def natural(limit, seed=0):
    """Half translations into many languages, the rest documentation, manual pages of other languages."""
    rng = random.Random(7200 + seed)
    texts = of_catalogues(limit // 2, rng) + english(limit // 4, seed)
    texts += of_files(ROOTS["man"], ("*/man*/*.gz",), limit - len(texts), rng)
    rng.shuffle(texts)
    return texts[:limit]


def long_lines(n_bytes, seed=0):
    """A few lines of n_bytes each."""
    rng = random.Random(7300 + seed)
    sources = (english(4000, seed), natural(4000, seed), generated(4000, seed),
               [one_script(rng, 50) for _ in range(400)])
    for source in sources:
        text = ""
        while source and len(text) < n_bytes:
            text += " ".join(source) + " "
        yield text.encode()[:n_bytes].decode(errors="ignore")
    for piece in ("a", " ", "\n", "\u4e2d", "e\u0301", "\U0001f600", "ab1. "):
        yield piece * (n_bytes // len(piece.encode()))
