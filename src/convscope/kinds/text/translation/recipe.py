"""Text in one language to text in another.

From top to bottom: aligned sentences are read into pairs, both sides become sub-word ids, gated convolutions
read the source while causal ones write the translation and attend to it, and a beam search finds the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split, Splits
from convscope.kinds.contract.recipe import Recipe
from convscope.kinds.text.classification.text_reading import read_given
from convscope.kinds.text.detect import detect
from convscope.kinds.text.translation.parallel import read_parallel
from convscope.kinds.text.translation.representation import TranslationRepresentation
from convscope.kinds.text.translation.task import TRANSLATION
from convscope.types import Progress, no_progress

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "conv_seq2seq": {
        "epochs": 15,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "clip_norm": 1.0,
        "label_smoothing": 0.1,
    },
}


def recognizes(snapshot: DataSnapshot) -> str | None:
    """The same text in two languages."""
    found = detect(snapshot)
    return found.reason if found is not None and found.recipe == "translation" else None


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    source: str | None = None,
    target: str | None = None,
    test: str | None = None,
    **_: Any,
) -> Splits:
    """Sentences with their translations."""
    return read_parallel(
        path, seed=seed, progress=progress, encoding=encoding, source=source, target=target, test=test
    )


def fit_representation(
    train: Split, vocabulary: int | None = None, max_length: int | None = None, **_: Any
) -> tuple[TranslationRepresentation, Sequence[str]]:
    """Learns the sub-words of both languages from the train split."""
    chosen: dict[str, int] = {}
    if vocabulary is not None:
        chosen |= {"vocabulary": vocabulary, "target_vocabulary": vocabulary}
    if max_length is not None:
        chosen["longest"] = max_length
    return TranslationRepresentation.fit(train, **chosen)


TEXT_TRANSLATION = Recipe(
    name="translation",
    kind="text",
    task=TRANSLATION,
    reads=(
        "two files of aligned lines, such as train.de and train.en, compressed or not",
        "a TSV with a column for each language",
        "JSON Lines with a key for each language",
    ),
    architectures=("conv_seq2seq",),
    settings=SETTINGS,
    options=(
        "encoding",
        "text_column",
        "source",
        "target",
        "test",
        "vocabulary",
        "max_length",
        "beam",
        "length_penalty",
    ),
    recognizes=recognizes,
    read=read,
    read_inputs=read_given,
    fit_representation=fit_representation,
    load_representation=TranslationRepresentation.from_json,
)
