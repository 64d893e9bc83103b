"""Entity scores against cases counted by hand."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import RunError, UsageError
from convscope.kinds.text.tagging.metrics import TaggingMetrics, tagging_metrics
from convscope.kinds.text.tagging.tag_schemes import spans

TYPES = ("LOC", "ORG", "PER")


def metrics_of(true, predicted, types=TYPES):
    return tagging_metrics([each.split() for each in true], [each.split() for each in predicted], types)


any_tag = st.sampled_from(["O", *(f"{letter}-{name}" for letter in "BIESLU" for name in ("A-1", "-B"))])
sentence_pairs = st.lists(
    st.integers(0, 6).flatmap(
        lambda length: st.tuples(*(st.lists(any_tag, min_size=length, max_size=length),) * 2)
    ),
    max_size=4,
)


@given(sentence_pairs)
@settings(deadline=None, max_examples=100)
def test_rates_are_those_of_spans_counted_one_by_one(pairs):
    true, predicted = ([list(each[side]) for each in pairs] for side in (0, 1))
    made = tagging_metrics(true, predicted, ("A-1", "-B"))
    wanted, found = (
        {(number, span) for number, tags in enumerate(side) for span in spans(tags)}
        for side in (true, predicted)
    )
    right = len(wanted & found)
    assert made.precision == pytest.approx(right / max(len(found), 1))
    assert made.recall == pytest.approx(right / max(len(wanted), 1))
    assert made.f1 == pytest.approx(2 * right / max(len(wanted) + len(found), 1))
    assert made.support == len(wanted) == sum(scores.support for scores in made.types)


def test_an_entity_counts_where_words_and_type_are_right():
    made = metrics_of(
        ["B-PER E-PER O S-LOC", "S-ORG O B-LOC I-LOC E-LOC"],
        ["B-PER E-PER O S-ORG", "S-ORG O B-LOC E-LOC O"],
    )
    assert (made.precision, made.recall, made.f1) == (2 / 4, 2 / 4, 2 / 4)
    assert made.support == 4
    by_name = {scores.name: scores for scores in made.types}
    assert by_name["PER"].f1 == 1
    assert (by_name["LOC"].precision, by_name["LOC"].recall, by_name["LOC"].support) == (0, 0, 2)
    assert (by_name["ORG"].precision, by_name["ORG"].recall) == (0.5, 1)
    assert made.macro_f1 == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert (made.samples, made.words) == (2, 9)
    assert made.accuracy == pytest.approx(6 / 9)
    assert made.whole_sentences == 0


def test_the_two_may_be_written_in_different_schemes():
    assert metrics_of(["I-PER I-PER B-PER O"], ["B-PER E-PER S-PER O"]).f1 == 1
    assert metrics_of(["I-PER I-PER B-PER O"], ["B-PER E-PER S-PER O"]).accuracy == 0.25


def test_sloppy_predictions_are_read_as_conlleval_does():
    assert metrics_of(["B-PER I-PER O"], ["I-PER I-PER O"]).f1 == 1
    assert metrics_of(["B-PER I-PER I-LOC"], ["B-PER I-PER B-LOC"]).f1 == 1


def test_nothing_to_find_and_nothing_found_is_zero_and_not_an_error():
    made = metrics_of(["O O", ""], ["O O", ""])
    assert (made.f1, made.macro_f1, made.support) == (0, 0, 0)
    assert (made.accuracy, made.whole_sentences) == (1, 1)
    assert metrics_of([], []).accuracy == 0


def test_plain_tags_count_word_by_word():
    made = metrics_of(["NN VB NN"], ["NN NN NN"], ("NN", "VB"))
    assert made.accuracy == made.f1 == 2 / 3
    assert [scores.support for scores in made.types] == [2, 1]
    assert made.types[0].precision == 2 / 3


def test_metrics_are_written_and_read():
    made = metrics_of(["B-PER E-PER O"], ["B-PER E-PER S-LOC"])
    assert TaggingMetrics.from_json(json.loads(json.dumps(made.to_json()))) == made
    with pytest.raises(RunError, match="Expected tagging metrics"):
        TaggingMetrics.from_json({"samples": 1})


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        (["O"], [], "of 1 sentences. Received: of 0"),
        (["O O"], ["O"], "Expected 2 predicted tags of sentence 0. Received: 1"),
        (["S-DATE"], ["O"], "type 'DATE' occur"),
    ],
)
def test_what_does_not_fit_is_refused(true, predicted, message):
    with pytest.raises(UsageError, match=message):
        metrics_of(true, predicted)
