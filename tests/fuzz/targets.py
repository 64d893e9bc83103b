"""What is fuzzed: every reader and every saved file, each by a function that takes bytes or refuses them."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import Any

import changes
import numpy as np
import saved
import seeds
from target import Target, load_some, of_values, workplace, written

from convscope.errors import ConvscopeError


def names() -> list[str]:
    """Of all targets."""
    return [*seeds.layouts(), *(f"representation-{name}" for name in _FITTED), *saved.TARGETS]


def target(name: str) -> Target:
    """The target of a name."""
    if name in saved.TARGETS:
        return saved.TARGETS[name]()
    kind, _, recipe = name.partition("-")
    if kind == "representation":
        return _saved_representation(recipe)
    return _of_layout(name, seeds.layouts()[name])


def _of_layout(name: str, layout: seeds.Layout) -> Target:
    root = written(name)
    read = _read_vectors if layout.recipe == "vectors" else functools.partial(_read, layout.recipe)

    def run(content: bytes) -> None:
        (workplace() / name / layout.changed).write_bytes(content)
        read(root)

    others = b"".join(layout.files.values())[:20000]
    return Target(
        name,
        layout.files[layout.changed],
        run,
        lambda content, rng: changes.changed_bytes(content, rng, others),
    )


def _read_vectors(path: Path) -> None:
    from convscope.kinds.text.classification.word_vectors import read_vectors

    read_vectors(path, ["a", "b", "film"])


def _read(name: str, path: Path) -> None:
    """Detects, reads and loads some samples, as a training does, and reads them without labels too."""
    from convscope.kinds.registry import choose_spec, find_recipe

    with contextlib.suppress(ConvscopeError):
        choose_spec(path)
    recipe = find_recipe(name)
    try:
        splits = recipe.read(path, seed=0)
        for split in (splits.train, splits.validation, splits.test):
            load_some(split.samples)
            split.names()
    finally:
        with contextlib.suppress(ConvscopeError):
            load_some(recipe.read_inputs([str(path)]))


def _parsed(content: bytes) -> Any:
    from convscope.json_values import parse_json

    return parse_json(content, "the file")


_FITTED = {
    "image-classification": "image-png",
    "audio-classification": "audio-wav",
    "video-classification": "video-avi",
    "text-classification": "text-csv",
    "text-tagging": "tags-conll",
    "translation": "pairs-tsv",
    "series-classification": "series-tsv",
    "series-anomaly": "stream-csv",
    "series-regression": "series-numbers",
    "series-forecasting": "forecast-csv",
    "series-remaining-life": "life-cmapss",
    "speech-recognition": "speech-manifest",
}


def _saved_representation(name: str) -> Target:
    from convscope.kinds.registry import find_recipe

    recipe = find_recipe(name)
    train = recipe.read(written(_FITTED[name]), seed=0).train
    representation, _ = recipe.representation.fit(train)

    def read(content: bytes) -> None:
        made = recipe.representation.from_json(_parsed(content))
        assert all(length is None or length < 2**32 for length in made.shape)
        made.encode(train.samples.take(np.arange(1)), limit_bytes=0).take(np.arange(1))

    return of_values(f"representation-{name}", representation.to_json(), read)
