"""A word for a missing value is a class among words, none among numbers; a sign for one is none in both."""

import pytest

from convscope.data.labels import doubtful_classes, labeled


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        (["NA", "DE", "NA"], [True, True, True]),
        (["None", "mild", "severe"], [True, True, True]),
        (["0", "1", "NA", "0"], [True, True, False, True]),
        (["0.5", "1", "?", "nan"], [True, True, False, False]),
        (["1", "NA", "1"], [True, True, True]),
        (["neutral", "-", "entailment"], [True, False, True]),
        (["+", "-", "neutral"], [True, True, True]),
    ],
)
def test_words_for_missing_labels(labels, known):
    found, lines = labeled("a.csv", labels, [None] * len(labels), ("text", "texts"))
    assert found.tolist() == known
    assert bool(lines) == (not all(known))


def test_classes_that_differ_only_in_case_are_warned_of_once_and_letters_are_not():
    (said,) = doubtful_classes(["Negative", "POSITIVE", "Positive", "negative"])
    assert said.startswith("labels: 'Negative', 'negative' and 1 more classes differ only in case")
    assert doubtful_classes(["a", "A", "b", "B"]) == ()
