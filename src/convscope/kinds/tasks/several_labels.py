"""What reports show of samples that have several classes each, such as masks and boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split, Splits

SHOWN_PER_CLASS = 4


def no_mistakes(outputs: object, split: Split, class_names: Sequence[str]) -> tuple[()]:
    """The worst samples are drawn instead, with what was found in them."""
    return ()


def samples_with_most(splits: Splits, amounts: npt.NDArray[np.int64]) -> list[tuple[str, list[object]]]:
    """The train samples that have the most of each class.

    Args:
        splits: Whose train split is shown.
        amounts: How much of each class a train sample has, shape (samples, classes).
    """
    train, shown = splits.train, []
    for k, name in enumerate(splits.class_names):
        most = np.argsort(-amounts[:, k], kind="stable")[:SHOWN_PER_CLASS].tolist()
        shown.append((name, [train.samples.load(row) for row in most if amounts[row, k]]))
    return shown
