"""Samples that a report shows of classes of which a sample has several."""

import numpy as np

from convscope.data.splits import Split, Splits, as_labels
from convscope.kinds.tasks.several_labels import SHOWN_PER_CLASS, samples_with_most


class Numbers:
    """Samples that are their own numbers."""

    def __len__(self):
        return 6

    def load(self, index):
        return index


def test_the_samples_with_the_most_of_a_class_come_first_and_those_without_it_not_at_all():
    split = Split(Numbers(), as_labels([None] * 6))
    splits = Splits(split, split, split, ("road", "sky", "none"), "made", "")
    amounts = np.array([[1, 0, 0], [5, 2, 0], [3, 0, 0], [4, 0, 0], [3, 9, 0], [2, 0, 0]], np.int64)
    shown = dict(samples_with_most(splits, amounts))
    assert shown["road"] == [1, 3, 2, 4][:SHOWN_PER_CLASS]
    assert shown["sky"] == [4, 1]
    assert shown["none"] == []
