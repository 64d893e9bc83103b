"""Which unit of an output is explained, of which of its positions, and how the outputs give its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from convscope.errors import UsageError

PlaceRule = Literal["surest", "uncertain", "mean"]
PLACE_RULES: tuple[PlaceRule, ...] = get_args(PlaceRule)
Where = tuple[int, ...] | PlaceRule
"""A position, or by which rule one is chosen; `mean` explains the mean over all of them."""
Target = int | Sequence[int] | None
Selection = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The model's values of the targets, and by which product and sum the outputs give them."""
_AS_SURE = 1e-6
"""Probabilities that lie no further below the largest count as equal to it."""


def check_where(where: Where) -> None:
    """Refuses what is neither a position nor a rule.

    Raises:
        UsageError: It is neither.
    """
    numbers = isinstance(where, tuple) and all(isinstance(each, int | np.integer) for each in where)
    if not numbers and where not in PLACE_RULES:
        raise UsageError(
            f"at must be a position such as (3, 27), or one of {', '.join(PLACE_RULES)}. Received: {where!r}."
        )


def chosen_targets(target: Target, outputs: np.ndarray, binary: bool, output: str) -> np.ndarray:
    """Class or unit per sample, (samples,).

    Args:
        target: As the user gave it; None for the predicted one.
        outputs: (samples, units).
        binary: Whether the only unit tells two classes apart.
        output: Its name, for messages.

    Raises:
        UsageError: There is no such unit, or none is predicted.
    """
    units = 2 if binary else outputs.shape[1]
    if target is None:
        unclear = np.flatnonzero(np.isnan(outputs).any(axis=1))
        if len(unclear):
            raise UsageError(
                f"The output '{output}' is NaN for sample {unclear[0]}, so there is no predicted class.",
                "Give a target, or check the input and the weights for NaN.",
            )
        return (outputs[:, 0] >= 0.5).astype(int) if binary else outputs.argmax(axis=1)
    targets = np.atleast_1d(np.asarray(target))
    if targets.dtype.kind not in "iu" or targets.ndim > 1 or len(targets) not in (1, len(outputs)):
        raise UsageError(
            f"target must be one index for all samples, or one for each of the {len(outputs)} samples. "
            f"Received: target={target!r}."
        )
    for number in targets:
        if not 0 <= number < units:
            raise UsageError(
                f"The output '{output}' has targets 0 to {units - 1}. Received: target={number}."
            )
    return np.broadcast_to(targets, len(outputs)).astype(int)


def selected(outputs: np.ndarray, targets: np.ndarray, binary: bool, before: bool) -> Selection:
    """Selects one unit of each sample.

    Args:
        outputs: (samples, units).
        targets: (samples,).
        binary: Whether the only unit tells two classes apart.
        before: Whether the value before the last activation is explained.
    """
    selector = np.zeros_like(outputs)
    offset = np.zeros(len(outputs), "float32")
    if not binary:
        selector[np.arange(len(outputs)), targets] = 1
        return outputs[np.arange(len(outputs)), targets], selector, offset
    selector[:, 0] = np.where(targets == 1, 1, -1)
    offset[:] = 0 if before else targets == 0
    return np.where(targets == 1, outputs[:, 0], 1 - outputs[:, 0]), selector, offset


def selected_at(
    outputs: np.ndarray, targets: np.ndarray, places: np.ndarray, binary: bool, before: bool
) -> Selection:
    """Selects one unit at one position of each sample.

    Args:
        outputs: (samples, positions..., units).
        targets: (samples,).
        places: Positions, counted through all axes, (samples,).
        binary: As of `selected`.
        before: As of `selected`.
    """
    rows = np.arange(len(outputs))
    flat = outputs.reshape(len(outputs), -1, outputs.shape[-1])
    values, unit, offset = selected(flat[rows, places], targets, binary, before)
    selector = np.zeros_like(flat)
    selector[rows, places] = unit
    return values, selector.reshape(outputs.shape), offset


def chosen_places(
    target: Target, outputs: np.ndarray, there: np.ndarray, where: Where, binary: bool, output: str
) -> tuple[np.ndarray, np.ndarray]:
    """Unit and position per sample.

    The surest position is that of the target with the largest value; by default of all that are no
    background, the unit that most positions have, such as that of words outside of all entities. Of several
    as sure ones along more than one axis it is that next to their middle. The most uncertain one has the
    smallest distance between its two largest values.

    Args:
        target: As the user gave it.
        outputs: (samples, positions..., units).
        there: Which positions are no padding, (samples, positions...).
        where: A position of every sample, `surest` or `uncertain`.
        binary: Whether the only unit tells two classes apart.
        output: Its name, for messages.

    Returns:
        Both (samples,); positions are counted through all axes.

    Raises:
        UsageError: No such unit or position, or none is predicted.
    """
    rows, sides = np.arange(len(outputs)), outputs.shape[1:-1]
    flat = outputs.reshape(len(outputs), -1, outputs.shape[-1])
    flat = np.concatenate([1 - flat, flat], axis=2) if binary else flat
    seen = np.where(there.reshape(len(flat), -1, 1), flat, 0)
    known = chosen_targets(target, seen.max(axis=1), False, output)
    if where != "surest":
        if isinstance(where, tuple):
            places = np.full(len(flat), _counted(where, sides, output))
        else:
            places = _uncertain(flat, there.reshape(len(flat), -1), output)
        return (known if target is not None else flat[rows, places].argmax(axis=1)), places
    if target is not None:
        return known, _surest(seen[rows, :, known], sides)
    if np.isnan(seen).any():
        return known, np.zeros(len(flat), int)
    best, sure = seen.argmax(axis=2), seen.max(axis=2)
    flags = there.reshape(best.shape)
    if not np.allclose(flat.sum(axis=2), 1, atol=0.05):  # each unit is a question of its own: none is another
        places = _surest(np.where(flags, sure, -1), sides)
        return best[rows, places], places
    counts = np.bincount(best[flags], minlength=flat.shape[2])
    found = flags & (best != counts.argmax())
    found = np.where(found.any(axis=1, keepdims=True), found, flags)
    places = _surest(np.where(found, sure, -1), sides)
    return best[rows, places], places


def _counted(where: tuple[int, ...], sides: tuple[int, ...], output: str) -> int:
    """A position counted through all axes.

    Raises:
        UsageError: There is none.
    """
    fits = len(where) == len(sides) and all(0 <= at < side for at, side in zip(where, sides, strict=False))
    if not fits:
        last = ",".join(str(side - 1) for side in sides)
        raise UsageError(
            f"The output '{output}' has positions {','.join('0' * len(sides))} to {last}. Received:"
            f" at={','.join(map(str, where))}."
        )
    return int(np.ravel_multi_index(where, sides))


def _uncertain(outputs: np.ndarray, there: np.ndarray, output: str) -> np.ndarray:
    """The position of (samples, positions, units) whose two largest values lie closest.

    Raises:
        UsageError: There is one unit alone.
    """
    if outputs.shape[2] < 2:
        raise UsageError(f"The output '{output}' has one unit, so no position is uncertain.", "Omit at.")
    largest = np.sort(outputs, axis=2)[..., -2:]
    return np.asarray(np.where(there, largest[..., 1] - largest[..., 0], np.inf).argmin(axis=1))


def _surest(values: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """The position of the largest of (samples, positions), next to the middle of all that equal it."""
    if len(sides) == 1:
        return np.asarray(values.argmax(axis=1))
    found = []
    for row in values:
        equal = np.flatnonzero(row >= row.max() - _AS_SURE)
        spots = np.stack(np.unravel_index(equal, sides), axis=1)
        away = np.square(spots - spots.mean(axis=0)).sum(axis=1)
        found.append(int(equal[away.argmin()]))
    return np.array(found)
