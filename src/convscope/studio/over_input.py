"""What is drawn over an input: boxes and masks that a model finds in it, and those that are known of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convscope.data.masks import Classes, Mask, count_classes
from convscope.errors import DataError
from convscope.studio.models import Observed, StudioModel
from convscope.studio.own import alone
from convscope.studio.session import Session
from convscope.types import ArrayTree, Json

CLASSES = "classification"
"""The task of recipes that predict a probability for each class."""
MASKS = "segmentation"
"""The task of recipes that predict it at each position."""


def is_drawn_over(model: StudioModel) -> bool:
    """Whether something is drawn over inputs of what a model predicts."""
    recipe, element = model.loaded.recipe, model.element
    if recipe is None or element is None or recipe.spec.task == CLASSES:
        return False
    return element.has_masks if recipe.spec.task == MASKS else element.has_marks


def found_marks(model: StudioModel, x: ArrayTree, name: str) -> list[Json]:
    """The boxes that a run predicts for a sample, in places of the input.

    Args:
        model: The model.
        x: The sample as it takes it, with a batch axis of 1.
        name: What to call it.
    """
    recipe, element = model.loaded.recipe, model.element
    if recipe is None or element is None or recipe.spec.task == MASKS or not is_drawn_over(model):
        return []
    held = alone(model, x, name)
    if held.predict is None or held.samples is None:
        return []
    predictions = recipe.to_predictions(
        held.predict(np.array([0])), held.samples, model.loaded.class_names or ()
    )
    return element.marks(predictions)


def found_mask(model: StudioModel, observed: Observed) -> Classes | None:
    """The most probable class of each position of the input, as the model puts it out for this input alone.

    Args:
        model: The model.
        observed: What it makes of a sample.

    Returns:
        Shape (positions...), uint8; None where the model predicts no class of each position.
    """
    recipe, names = model.loaded.recipe, model.loaded.class_names
    if recipe is None or recipe.spec.task != MASKS or not is_drawn_over(model) or not names:
        return None
    for output in observed.recording.predictions:
        shares = np.asarray(output[0])
        if shares.shape == (*observed.shown.shape[: shares.ndim - 1], len(names)):
            return np.asarray(shares.argmax(axis=-1), np.uint8)
    return None


def shares_in_words(mask: Classes, names: Sequence[str]) -> str:
    """How much of a mask each class is, the most common one first."""
    counts, _ = count_classes(mask, len(names))
    ranked = sorted(zip(counts.tolist(), names, strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{name} {count / mask.size:.1%}" for count, name in ranked if count)


def truth_of(session: Session, model: StudioModel, sample: str) -> Json:
    """The boxes that are known of a sample, whether there is a mask of it, and what its classes are called.

    Args:
        session: Which has the sample.
        model: In whose input they are placed.
        sample: Its id.

    Returns:
        None where nothing is known that is drawn over the input.
    """
    labeled, element = session.labeled(model, sample), model.element
    if labeled is None or element is None or not is_drawn_over(model):
        return None
    masked = element.has_masks and isinstance(labeled.label, Mask)
    return {"marks": element.true_marks(labeled), "mask": masked, "classes": list(labeled.class_names)}


def true_mask(session: Session, model: StudioModel, sample: str) -> Classes:
    """The class of each position of the input that is known of a sample, 255 where none is.

    Args:
        session: Which has the sample.
        model: In whose input it is placed.
        sample: Its id.

    Raises:
        DataError: No mask of it is known, or its file has changed.
    """
    labeled, element = session.labeled(model, sample), model.element
    found = None if labeled is None or element is None else element.true_mask(labeled)
    if found is None:
        raise DataError("No mask of this sample is known.", "Choose a sample of a data set with masks.")
    return found
