"""Explains a model, with data where there is some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convscope.kinds.contract.model_reader import ReadingOptions
from convscope.kinds.contract.representation import inputs_in_words
from convscope.scope.channels.statistics import statistics
from convscope.scope.describe.explanation import Explanation, explain
from convscope.types import Progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import model_inputs
from convscope.workflows.model_inputs.readers import numeric_model


def explain_model(loaded: LoadedModel, data: Any, options: ReadingOptions, progress: Progress) -> Explanation:
    """Explains a model; what its kernels do with the data, if any, goes into the notes.

    Args:
        loaded: The model.
        data: Files, folders or arrays as the model takes them; None looks at the model alone.
        options: Of the reader of the files, such as `preprocess`.
        progress: Receives each step.
    """
    known = "" if loaded.run is None else known_of(loaded.run.record())
    known = f"{known} {inputs_in_words(loaded.representation)}".strip()
    if data is None:
        return explain(loaded.model, class_names=loaded.class_names, known=known)
    loaded = numeric_model(loaded)
    inputs = model_inputs(loaded, data, options, progress)
    found = statistics(loaded.model, inputs.batches(progress), filled=inputs.filled)
    return explain(
        loaded.model, inputs=inputs.first(1), class_names=loaded.class_names, statistics=found, known=known
    )


def known_of(record: Mapping[str, Any]) -> str:
    """What a run tells of its model besides what its layers tell, in a sentence.

    Args:
        record: What `run.json` holds.
    """
    trained_on = record["data"]["path"]
    return f"Its run reads and scales inputs as in the training, which was on {trained_on}."
