"""Text in one language to text in another.

From top to bottom: aligned sentences are read into pairs, both sides become sub-word ids, gated convolutions
read the source while causal ones write the translation and attend to it, and a beam search finds the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convscope.data.splits import Split, Splits
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.text.classification.text_reading import read_given
from convscope.kinds.text.kind import TRANSLATION
from convscope.kinds.text.translation import task
from convscope.kinds.text.translation.metrics import TranslationMetrics
from convscope.kinds.text.translation.parallel import read_parallel
from convscope.kinds.text.translation.representation import TranslationRepresentation
from convscope.types import Progress, no_progress


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


RECIPE = Recipe(
    spec=TRANSLATION,
    objective=task.OBJECTIVE,
    read=read,
    read_inputs=read_given,
    representation=RepresentationSteps(fit_representation, TranslationRepresentation.from_json),
    build=task.build_translator,
    examples=task.pair_examples,
    predict=task.predict,
    to_predictions=task.to_predictions,
    evaluate=task.evaluate,
    load_metrics=TranslationMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encode_inputs,
    report=task.REPORT,
)
