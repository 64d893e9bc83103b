"""Small made-up texts for every recipe of texts, and a training of a few seconds on each."""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRAISE = ("lovely", "bright", "gentle", "splendid", "clever")
BLAME = ("dreary", "clumsy", "bitter", "hollow", "stale")
THINGS = ("film", "song", "garden", "dinner", "story", "walk")
FILLING = ("we saw it at home", "in the rain", "with two friends", "last week", "for the second time")

PEOPLE = ("Ada Brook", "Otto Lind", "Mira", "Juno Vale", "Karl Frost")
PLACES = ("Norwick", "Port Elm", "Sundal", "Old Harbour")
CLAUSES = ("{0} lives in {1} .", "yesterday {0} left {1} by train", "{1} pleased {0}", "in {1} it rains")
TAILS = ("", "again", "they say", "and then left", "as a letter told us", "for a week or two")

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


def tagged_texts(seed=0, count=240):
    """Sentences of (word, tag)."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        person, place = rng.choice(PEOPLE), rng.choice(PLACES)
        words = []
        for part in f"{rng.choice(CLAUSES)} {rng.choice(TAILS)}".split():
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


def write_judged(folder, seed=0, count=240):
    folder.mkdir(parents=True)
    lines = [json.dumps({"text": text, "label": label}) for text, label in judged_texts(seed, count)]
    path = folder / "judged.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_tagged(folder, seed=0, count=240):
    folder.mkdir(parents=True)
    sentences = ["\n".join(f"{word} {tag}" for word, tag in words) for words in tagged_texts(seed, count)]
    path = folder / "names.conll"
    path.write_text("\n\n".join(sentences) + "\n", "utf-8")
    return path


def write_translated(folder, seed=0, count=400):
    folder.mkdir(parents=True)
    pairs = translated_texts(seed, count)
    for side, language in enumerate(("aa", "en")):
        text = "".join(f"{pair[side]}\n" for pair in pairs).encode()
        (folder / f"train.{language}.gz").write_bytes(gzip.compress(text))
    return folder


@dataclass(frozen=True)
class TextCase:
    """A recipe with data for it.

    Args:
        recipe: Its name.
        reason: Why it is chosen for the data.
        write: Writes the data below a folder, drawn with a seed, and gives the path to train on.
        settings: A training of a few seconds.
        figure: The figure that says how good it is.
        least: What it reaches at least.
        texts: To be asked about, with what a good model answers.
    """

    recipe: str
    reason: str
    write: Callable[..., Path]
    settings: dict[str, Any]
    figure: str
    least: float
    texts: dict[str, Any] = field(default_factory=dict)


SETTINGS = {"precision": "float32", "batch_size": 16, "learning_rate": 1e-2, "epochs": 4}

CASES = {
    case.recipe: case
    for case in (
        TextCase(
            recipe="text-classification",
            reason="judged.jsonl is a table of texts",
            write=write_judged,
            settings={
                **SETTINGS,
                "averaging": 0.0,
                "epochs": 8,
                "options": {"embedding": 8, "filters": 8, "widths": (2, 3)},
            },
            figure="accuracy",
            least=0.9,
            texts={
                "last week we saw it at home the story was splendid": "praise",
                "the film was dreary": "blame",
                "with two friends the garden number 7 was clever": "praise",
            },
        ),
        TextCase(
            recipe="text-tagging",
            reason="names.conll has a word and a tag on each line",
            write=write_tagged,
            settings={
                **SETTINGS,
                "options": {"width": 16, "word_width": 8, "character_width": 8, "dilations": (1, 2)},
            },
            figure="f1",
            least=0.8,
            texts={
                "yesterday Otto Lind left Port Elm by train again": [(10, 19, "PER"), (25, 33, "LOC")],
                "in Sundal it rains": [(3, 9, "LOC")],
                "Norwick pleased Mira they say": [(0, 7, "LOC"), (16, 20, "PER")],
            },
        ),
        TextCase(
            recipe="translation",
            reason="train is there as .aa and .en",
            write=write_translated,
            settings={
                **SETTINGS,
                "epochs": 8,
                "batch_size": 32,
                "options": {
                    "width": 32,
                    "encoder_depth": 1,
                    "decoder_depth": 1,
                    "kernel_size": 5,
                    "dropout": 0.0,
                    "positions": 16,
                    "vocabulary": 60,
                    "beam": 2,
                },
            },
            figure="bleu",
            least=50.0,
            texts={"mo lu ki": "red blue one", "gri": "falls", "ba sen": "bird two"},
        ),
    )
}
