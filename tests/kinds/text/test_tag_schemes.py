"""Tag schemes: recognized by all tags, read as conlleval reads them, converted without loss."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.kinds.text.tagging.tag_schemes import (
    Span,
    constraints,
    is_allowed,
    parse,
    recognize,
    spans,
    tag_names,
    to_iobes,
    write,
)

TYPES = ("LOC", "PER", "B-SIDE")


@st.composite
def sentences(draw):
    """Spans that do not overlap, and the number of words."""
    at, found = 0, []
    for gap, length, kind in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(TYPES)), max_size=6)
    ):
        found.append(Span(at + gap, at + gap + length, kind))
        at += gap + length
    return tuple(found), at + draw(st.integers(0, 2))


@settings(deadline=None, derandomize=True, database=None)
@given(sentences(), st.sampled_from(["IOB1", "IOB2", "IOBES"]))
def test_what_is_written_in_a_scheme_is_read_again(sentence, scheme):
    found, length = sentence
    assert spans(write(found, length, scheme)) == found
    assert to_iobes(write(found, length, scheme)) == write(found, length)


@settings(deadline=None, derandomize=True, database=None)
@given(sentences())
def test_iobes_is_always_allowed(sentence):
    assert is_allowed(write(*sentence))


TAGS = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIESLUMW" for kind in ("X", "Y"))])


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(TAGS, max_size=12))
def test_any_tags_are_spans_in_order_and_each_tagged_word_is_in_one(tags):
    found = spans(tags)
    covered = [place for span in found for place in range(span.start, span.end)]
    assert covered == [place for place, tag in enumerate(tags) if tag != "O"]
    assert all(tags[place][2:] == span.type for span in found for place in range(span.start, span.end))
    assert is_allowed(to_iobes(tags))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-A I-A B-A O", [(0, 2, "A"), (2, 3, "A")]),
        ("B-A I-A I-B", [(0, 2, "A"), (2, 3, "B")]),
        ("O I-A O", [(1, 2, "A")]),
        ("E-A E-A", [(0, 1, "A"), (1, 2, "A")]),
        ("B-A E-A I-A", [(0, 2, "A"), (2, 3, "A")]),
        ("S-A I-A", [(0, 1, "A"), (1, 2, "A")]),
        ("B-A S-A E-A", [(0, 1, "A"), (1, 2, "A"), (2, 3, "A")]),
        ("B-A L-A U-B", [(0, 2, "A"), (2, 3, "B")]),
        ("B-A M-A E-A W-A", [(0, 3, "A"), (3, 4, "A")]),
        ("B I O B", [(0, 2, "entity"), (3, 4, "entity")]),
        ("", []),
    ],
)
def test_sloppy_tags_are_read_as_conlleval_does(tags, expected):
    assert spans(tags.split()) == tuple(Span(*each) for each in expected)


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        (["I-A I-A O I-B", "I-A B-A"], "IOB1"),
        (["I-A O"], "IOB1"),
        (["B-A I-A O", "B-A B-A"], "IOB2"),
        (["B-A E-A O S-B"], "IOBES"),
        (["B-A L-A O U-B"], "IOBES"),
        (["B-A M-A E-A W-B"], "IOBES"),
        (["B I O"], "IOB2"),
        (["NN DT O"], "plain"),
        (["NOUN -LRB- PRP$ I"], "plain"),
        (["O O"], "plain"),
        ([], "plain"),
        (["B-A I-A X-A O"], "IOB2"),
    ],
)
def test_a_scheme_is_recognized_by_all_tags(sentences, scheme):
    assert recognize([each.split() for each in sentences]) == scheme


@pytest.mark.parametrize("tag", ["", "I-", "-PER", "X-PER", "NN", "b-PER", "BPER"])
def test_what_is_no_tag_is_told(tag):
    assert parse(tag) is None


def test_constraints_of_iobes():
    names = tag_names(["A"])
    assert names == ("O", "B-A", "I-A", "E-A", "S-A")
    rules = constraints(names)
    follow = {
        name: "".join(n[0] for n, yes in zip(names, row, strict=True) if yes)
        for name, row in zip(names, rules.allowed, strict=True)
    }
    assert follow == {"O": "OBS", "B-A": "IE", "I-A": "IE", "E-A": "OBS", "S-A": "OBS"}
    assert rules.starts == [True, True, False, False, True]
    assert rules.ends == [True, False, False, True, True]


def test_constraints_of_iob2_let_an_entity_end_anywhere_but_not_begin_inside():
    rules = constraints(["O", "B-A", "I-A", "B-B", "I-B"])
    assert rules.starts == [True, True, False, True, False]
    assert all(rules.ends)
    assert rules.allowed[1] == [True, True, True, True, False]
    assert rules.allowed[0] == [True, True, False, True, False]


def test_plain_tags_have_no_constraints():
    assert constraints(["NN", "VB"]) is None
    assert not is_allowed(["B-A"])
    assert not is_allowed(["B-A", "E-B"])
    assert is_allowed([])
