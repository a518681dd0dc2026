#!/usr/bin/env python3
"""Write src/tokenizers/moses_table.c: what Moses' rules know of characters and abbreviations.

usage: tools/moses_tables.py [FOLDER] > src/tokenizers/moses_table.c
       needs sacremoses==0.2.0, Python 3.11, and the word lists american-english, british-english and
       french in FOLDER (/usr/share/dict; Debian's wamerican, wbritish and wfrench). Takes minutes.

The table holds what the reference was seen to do, and none of its data. Each character is put where
a letter, a number, a small letter make a difference; where no rule tells one from another, nothing
is said of it. Each candidate for an abbreviation is put, with a full stop, before a word and before
a number: the stop stays with an abbreviation. Candidates are all strings of up to four letters, the
words of the lists of up to nine letters, what words begin with, and ABBREVIATIONS, in small letters, capitals and between.
Spaces, digits, controls, marks and what is cased are those of Python, whose functions the tokenizers
of XLM and FlauBERT call.
"""

import functools
import itertools
import pathlib
import string
import sys
import unicodedata

from sacremoses import MosesTokenizer

ALNUM, ALPHA, NUMBER, LOWER, SPACE, DIGIT, OTHER, MARK, CASED, IGNORABLE = (1 << i for i in range(10))
SIGMA = "\u03c3"
NOT_PADDED = ".'`,-"  # whatever they are
BATCH = 2000
END = " Zzq "  # an unknown word with a capital: no rule sees over it
LISTS = {"en": ("american-english", "british-english"), "fr": ("french", "american-english")}
ACCENTED = "\u00e0\u00e2\u00e4\u00e6\u00e7\u00e8\u00e9\u00ea\u00eb\u00ee\u00ef\u00f4\u00f6\u0153\u00f9\u00fb\u00fc\u00ff"
# Beyond four letters, or with more than letters; longer ones are among what words begin with.
ABBREVIATIONS = """
    messrs mesdames mmes mlles mssrs lt-col lt-gen lt-cmdr lt-cdr maj-gen brig-gen vice-adm rear-adm
    col-gen gen-maj sgt-maj comdr cmdre cmsgt msgtr tsgtr supt insp det-insp det-sgt attys attnys
    hrsg nrs nos vols chs chaps pps figs eqs eqns secs sects arts paras refs eds trans edn edns illus
    repr suppl bldgs blvds aves hwys pkwy expwy fwys tpke ctrs mtns stns intl natl govt dept depts
    univ univs colls inst insts assn assns assoc bros corps corpn gmbh pty pvt ltda mfg mfrs cie ste
    stes sarl eurl sasu pdg dir pres v-pres vice-pres secr tr\u00e9s adj r\u00e9f r\u00e9fs tomes
    n\u00b0 n\u00ba nos no-s dr-ing dipl-ing ph phd dphil mph mds mrs mmrs frs revd rvd hons rt-hon
    jan-feb janv f\u00e9vr juil sept-oct oct-nov nov-dec d\u00e9c mon-fri c-\u00e0-d c.-\u00e0-d av-J-C apr-J-C
    p-ex ex-g e-g i-e a-m p-m u-s u-k st-e 1st 2nd 3rd 4th 1er 2e 3e 1re 20e 1 2 7 10 99 2000 0
    inch inches yds lbs ozs gals qts pts mins hrs wks mos yrs kgs kms cms mms sqft cuft approx
    """.split()


class Observer:
    """Texts as the reference cuts them, many at a time."""

    def __init__(self, language):
        self.moses = MosesTokenizer(lang=language)
        self.moses.islower = functools.cache(self.moses.islower)  # which makes a set each time

    def words(self, texts):
        texts = iter(texts)
        while batch := list(itertools.islice(texts, BATCH)):
            out, rows = self.moses.tokenize(END.join(batch) + END, escape=False), [[]]
            for word in out:
                if word == END.strip():
                    rows.append([])
                else:
                    rows[-1].append(word)
            assert len(rows) == len(batch) + 1
            yield from zip(batch, rows)


def seen_flags():
    """Controls and the like are dropped before the rules that ask. Letters and numbers matter among
    others only: all else gets spaces around before."""
    characters = [c for c in map(chr, range(0x110000)) if unicodedata.category(c)[0] != "C"]
    see, flags = Observer("en"), dict.fromkeys(characters, 0)
    for c, (text, words) in zip(characters, see.words("a%sa" % c for c in characters)):
        flags[c] |= ALNUM * (words == [text] and c not in NOT_PADDED)
    alnum = [c for c in flags if flags[c]]
    for c, (text, words) in zip(alnum, see.words("%s'%s" % (c, c) for c in alnum)):
        flags[c] |= ALPHA * (words == [c, "'" + c])
    for c, (text, words) in zip(alnum, see.words("%s,5" % c for c in alnum)):
        flags[c] |= NUMBER * (words == [text])
    for c, (text, words) in zip(characters, see.words("Qzxq. " + c for c in characters)):
        flags[c] |= LOWER * (words[:1] == ["Qzxq."])
    return flags


def python_flags(char):
    category = unicodedata.category(char)
    flags = SPACE * char.isspace() | DIGIT * (category == "Nd") | MARK * (category == "Mn")
    flags |= OTHER * (category[0] == "C")
    # A capital sigma is a final one where no cased letter follows, whatever ignorable lies between.
    if ("a\u03a3" + char).lower()[1] == SIGMA:
        return flags | CASED
    return flags | IGNORABLE * (("a\u03a3" + char + "b").lower()[1] == SIGMA)


def ranges():
    seen = seen_flags()
    first = last = flags = None
    for c in range(0x110000):
        got = 0 if 0xD800 <= c < 0xE000 else seen.get(chr(c), 0) | python_flags(chr(c))
        if got != flags:
            if flags:
                yield first, last, flags
            first, flags = c, got
        last = c
    if flags:
        yield first, last, flags


def candidates(language, folder):
    for n in range(1, 4):
        yield from map("".join, itertools.product(string.ascii_letters, repeat=n))
        yield from map("".join, itertools.product(string.ascii_lowercase + ACCENTED, repeat=n))
    yield from map("".join, itertools.product(string.ascii_lowercase, repeat=4))
    yield from ABBREVIATIONS
    for name in LISTS[language]:
        for word in (folder / name).read_text().split():
            for end in range(4, min(len(word), 9) + 1):
                yield word[:end]


def abbreviations(language, folder):
    """Rows (word, whether it is one before numbers only)."""
    texts = {w for word in candidates(language, folder)
             for w in (word, word.lower(), word.capitalize(), word.upper())
             if "'" not in w and w != END.strip()}
    see, before = Observer(language), {}
    for after in ("5", "Qzx"):  # what stays before a word stays before a number too
        asked = see.words("%s. %s" % (w, after) for w in sorted(texts))
        texts = before[after] = {text[:-len(after) - 2] for text, words in asked
                                 if words == [text[:-len(after) - 1], after]}
    return sorted((word, word not in before["Qzx"]) for word in before["5"]
                  if not ("." in word and any(c.isalpha() for c in word)))  # of which a rule knows


def quoted(text):
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\%03o" % b
                         for b in text.encode()) + '"'


def main():
    folder = pathlib.Path(sys.argv[1] if sys.argv[1:] else "/usr/share/dict")
    out = ["/* Generated by tools/moses_tables.py, from what sacremoses 0.2.0 was seen to do: do not edit. */",
           "/* clang-format off */", '#include "tokenizers/moses_table.h"', "",
           "const struct moses_range moses_ranges[] = {"]
    rows = list(ranges())
    out += ["    {%d, %d, %d}," % row for row in rows]
    out += ["};", "const int n_moses_ranges = %d;" % len(rows), ""]
    for language in ("en", "fr"):
        out.append("const struct moses_prefix moses_prefixes_%s[] = {" % language)
        out += ["    {%s, %d}," % (quoted(word), number)
                for word, number in abbreviations(language, folder)]
        out += ["    {0, 0},", "};", ""]
    sys.stdout.write("\n".join(out[:-1]) + "\n")


if __name__ == "__main__":
    main()
