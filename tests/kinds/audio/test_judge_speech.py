"""Errors of words and characters, beside a distance written out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.audio.speech.metrics import SpeechMetrics, judge_transcripts


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
    judged = judge_transcripts(*(list(each) for each in zip(*pairs, strict=True)))
    assert judged.words.wrong == sum(distance(a.split(), b.split()) for a, b in pairs)
    assert judged.characters.wrong == sum(distance(a, b) for a, b in pairs)
    assert judged.words.said == sum(len(a.split()) for a, _ in pairs)
    assert judged.right == sum(a == b for a, b in pairs) / len(pairs)


def test_kinds_of_errors_are_counted():
    judged = judge_transcripts(["one two three", "four"], ["one too", "four five"])
    words = judged.words
    assert (words.hits, words.substitutions, words.deletions, words.insertions) == (2, 1, 1, 1)
    assert judged.wer == pytest.approx(3 / 4)
    assert judged.to_table()[1][0] == ("words", "4", "2", "1", "1", "1", "75.00%")
    assert "WER 75.00% (1 substituted, 1 deleted, 1 inserted of 4 words)" in judged.to_line()
    assert judged.to_scores()[0][:2] == ("WER", "75.00%")


def test_silence_is_right_unless_words_are_heard_in_it():
    assert judge_transcripts([""], [""]).wer == 0
    judged = judge_transcripts(["", "one"], ["one two", "one"])
    assert judged.words.insertions == 2
    assert judged.wer == 2


def test_the_worst_come_first_and_right_ones_never():
    judged = judge_transcripts(["one two", "one", "two"], ["one", "too", "two"], worst=5)
    assert [each.index for each in judged.worst] == [1, 0]


def test_a_judgement_is_read_as_it_was_written():
    judged = judge_transcripts(["one two"], ["one too"])
    assert SpeechMetrics.from_json(json.loads(json.dumps(judged.to_json()))) == judged


@pytest.mark.parametrize(
    "plain", [{}, {"samples": 1}, {"samples": 1, "words": {}, "characters": {}, "worst": []}]
)
def test_what_is_no_judgement_is_refused(plain):
    with pytest.raises(RunError, match="judgement"):
        SpeechMetrics.from_json(plain)


def test_texts_that_do_not_go_together_are_refused():
    with pytest.raises(UsageError, match="1 and 0"):
        judge_transcripts(["one"], [])
    with pytest.raises(DataError):
        judge_transcripts([], [])
