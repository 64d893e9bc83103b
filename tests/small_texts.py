"""Small made-up texts for every recipe of texts, and a training of a few seconds on each."""

import gzip
import json
import random

PRAISE = ("lovely", "bright", "gentle", "splendid", "clever")
BLAME = ("dreary", "clumsy", "bitter", "hollow", "stale")
THINGS = ("film", "song", "garden", "dinner", "story", "walk")
FILLING = ("we saw it at home", "in the rain", "with two friends", "last week", "for the second time")

PEOPLE = ("Ada Brook", "Otto Lind", "Mira", "Juno Vale", "Karl Frost")
PLACES = ("Norwick", "Port Elm", "Sundal", "Old Harbour")
CLAUSES = ("{0} lives in {1} .", "yesterday {0} left {1} by train", "{1} pleased {0}", "in {1} it rains")

WORDS = {
    "mo": "one",
    "ba": "two",
    "ki": "red",
    "lu": "blue",
    "sen": "bird",
    "tor": "stone",
    "fal": "sings",
    "gri": "falls",
}


def judged_texts(seed=0, count=240):
    """(text, label): praise or blame of a thing, of differing lengths."""
    rng = random.Random(seed)
    made = []
    for i in range(count):
        label, words = (("praise", PRAISE), ("blame", BLAME))[i % 2]
        filling = " ".join(rng.sample(FILLING, rng.randrange(4)))
        made.append((f"{filling} the {rng.choice(THINGS)} number {i} was {rng.choice(words)}".strip(), label))
    return made


def tagged_texts(seed=0, count=160):
    """Sentences of (word, tag)."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        person, place = rng.choice(PEOPLE), rng.choice(PLACES)
        words = []
        for part in rng.choice(CLAUSES).split():
            kind, name = {"{0}": ("PER", person), "{1}": ("LOC", place)}.get(part, ("", part))
            for at, word in enumerate(name.split()):
                words.append((word, f"{'I' if at else 'B'}-{kind}" if kind else "O"))
        made.append(words)
    return made


def translated_texts(seed=0, count=400):
    """(text, translation): word by word, the last first."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        words = [rng.choice(tuple(WORDS)) for _ in range(rng.randrange(1, 5))]
        made.append((" ".join(words), " ".join(WORDS[word] for word in reversed(words))))
    return made


def write_judged(folder, seed=0):
    folder.mkdir(parents=True)
    lines = [json.dumps({"text": text, "label": label}) for text, label in judged_texts(seed)]
    path = folder / "judged.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_tagged(folder, seed=0):
    folder.mkdir(parents=True)
    sentences = ["\n".join(f"{word} {tag}" for word, tag in words) for words in tagged_texts(seed)]
    path = folder / "names.conll"
    path.write_text("\n\n".join(sentences) + "\n", "utf-8")
    return path


def write_translated(folder, seed=0):
    folder.mkdir(parents=True)
    pairs = translated_texts(seed)
    for side, language in enumerate(("xa", "en")):
        text = "".join(f"{pair[side]}\n" for pair in pairs).encode()
        (folder / f"train.{language}.gz").write_bytes(gzip.compress(text))
    return folder
