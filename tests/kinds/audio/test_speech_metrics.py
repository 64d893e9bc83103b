"""Errors of words and characters, beside a distance written out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.audio.speech.metrics import SpeechMetrics, speech_metrics


def distance(one, other):
    """The fewest changes from one sequence to another."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above = row
        row = [i]
        for j, right in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (left != right)))
    return row[-1]


texts = st.lists(st.sampled_from(["one", "two", "too", "on"]), max_size=5).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_errors_are_the_fewest_changes_summed_over_recordings(pairs):
    metrics = speech_metrics(*(list(each) for each in zip(*pairs, strict=True)))
    assert metrics.words.wrong == sum(distance(a.split(), b.split()) for a, b in pairs)
    assert metrics.characters.wrong == sum(distance(a, b) for a, b in pairs)
    assert metrics.words.references == sum(len(a.split()) for a, _ in pairs)
    assert metrics.right == sum(a == b for a, b in pairs) / len(pairs)


def test_kinds_of_errors_are_counted():
    metrics = speech_metrics(["one two three", "four"], ["one too", "four five"])
    words = metrics.words
    assert (words.hits, words.substitutions, words.deletions, words.insertions) == (2, 1, 1, 1)
    assert metrics.wer == pytest.approx(3 / 4)
    assert metrics.to_table()[1][0] == ("words", "4", "2", "1", "1", "1", "75.00%")
    assert "WER 75.00% (1 substituted, 1 deleted, 1 inserted of 4 words)" in metrics.to_line()
    assert metrics.to_scores()[0][:2] == ("WER", "75.00%")


def test_silence_is_right_unless_words_are_heard_in_it():
    assert speech_metrics([""], [""]).wer == 0
    metrics = speech_metrics(["", "one"], ["one two", "one"])
    assert metrics.words.insertions == 2
    assert metrics.wer == 2


def test_the_worst_come_first_and_right_ones_never():
    metrics = speech_metrics(["one two", "one", "two"], ["one", "too", "two"], worst=5)
    assert [each.index for each in metrics.worst] == [1, 0]


def test_metrics_are_read_as_they_were_written():
    metrics = speech_metrics(["one two"], ["one too"])
    assert SpeechMetrics.from_json(json.loads(json.dumps(metrics.to_json()))) == metrics


@pytest.mark.parametrize(
    "plain", [{}, {"samples": 1}, {"samples": 1, "words": {}, "characters": {}, "worst": []}]
)
def test_other_json_is_refused(plain):
    with pytest.raises(RunError, match="Expected speech metrics"):
        SpeechMetrics.from_json(plain)


def test_texts_that_do_not_go_together_are_refused():
    with pytest.raises(UsageError, match="1 and 0"):
        speech_metrics(["one"], [])
    with pytest.raises(DataError):
        speech_metrics([], [])
