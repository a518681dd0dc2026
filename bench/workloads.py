"""The texts that every benchmark of encoders measures, the same for inferd and for its peers.

A workload is a list of texts; a measurement embeds all of them once. Texts are made of common
English words (one token each, mostly) from a fixed seed, so they are the same on every machine.
Python's standard library only.
"""

import random

WORDS = """the of and to in a is that for it as was with be by on not he i this are or his from at
which but have an had they you were their one all we can her has there been if more when will would
who so no said what up its about into than them only other new some could time these two may then do
first any my now such like our over man me even most made after also did many before must through
back years where much your way well down should because each just those people mr how too little
state good very make world still own see men work long get here between both life being under never
day same another know while last might us great old year off come since against go came right used
take three children business language computer probably something internationalization algorithms
photosynthesis embeddings""".split()

MIXED_TEXTS = 64
MIXED_MIN_WORDS, MIXED_MAX_WORDS = 5, 200


def sentence(rng, n_words):
    return " ".join(rng.choice(WORDS) for _ in range(n_words))


def mixed(seed=0, count=MIXED_TEXTS):
    """Texts of 5 to 200 words, every length equally likely, in random order."""
    rng = random.Random(1000 + seed)
    return [sentence(rng, rng.randint(MIXED_MIN_WORDS, MIXED_MAX_WORDS)) for _ in range(count)]


def one(seed=0):
    return [sentence(random.Random(2000 + seed), 10)]


def batch_32x30(seed=0):
    rng = random.Random(3000 + seed)
    return [sentence(rng, 30) for _ in range(32)]


def batch_64x256(seed=0):
    """64 texts that all fill the model's 256 tokens (they are cut there)."""
    rng = random.Random(4000 + seed)
    return [sentence(rng, 260) for _ in range(64)]


WORKLOADS = {"one": one, "batch_32x30": batch_32x30, "batch_64x256": batch_64x256, "mixed": mixed}
