"""Text in one language to text in another.

From top to bottom: aligned sentences are read into pairs, both sides become sub-word ids, gated convolutions
read the source while causal ones write the translation and attend to it, and a beam search finds the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from convscope.data.splits import Split
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.text.kind import TRANSLATION
from convscope.kinds.text.readers.inputs import read_text_inputs
from convscope.kinds.text.translation import task
from convscope.kinds.text.translation.metrics import TranslationMetrics
from convscope.kinds.text.translation.parallel import read_parallel
from convscope.kinds.text.translation.representation import TranslationRepresentation


def fit_representation(
    train: Split, vocabulary: int | None = None, max_length: int | None = None
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
    read=read_parallel,
    read_inputs=read_text_inputs,
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
