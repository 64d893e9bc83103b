"""Words, characters and tags as ids and back."""

import json

import numpy as np
import pytest

from convscope.data.splits import Split
from convscope.errors import RunError, UsageError
from convscope.kinds.text.readers.sentences import Sentence, TaggedSentences
from convscope.kinds.text.tagging.representation import (
    CASINGS,
    CHARACTERS,
    TaggingRepresentation,
    casing,
    normalized,
)

TRAIN = [
    ("EU rejects German call 1996", "S-ORG O S-MISC O O"),
    ("Ada Lovelace rejects 2001", "B-PER E-PER O O"),
]


def split(pairs):
    sentences = [Sentence.of(words.split()) for words, _ in pairs]
    labels = np.empty(len(pairs), object)
    labels[:] = [tuple(tags.split()) for _, tags in pairs]
    return Split(TaggedSentences("", [str(i) for i in range(len(pairs))], sentences), labels)


@pytest.fixture
def fitted():
    return TaggingRepresentation.fit(split(TRAIN))[0]


def test_the_vocabulary_is_that_of_train_the_most_frequent_first(fitted):
    assert fitted.words == ("0000", "rejects", "ada", "call", "eu", "german", "lovelace")
    assert list(fitted.rare) == [4, 5, 6, 7, 8]
    assert fitted.shape == (None,)
    assert fitted.sizes["vocabulary"] == 9
    assert fitted.sizes["characters"] == 2 + len({*"EU rejects German call 1996Ada Lovelace2001"} - {" "})


def test_tags_are_all_of_iobes_for_the_types_of_train(fitted):
    assert fitted.tags == ("O", *(f"{letter}-{kind}" for kind in ("MISC", "ORG", "PER") for letter in "BIES"))
    assert np.shape(fitted.sizes["constraints"]["allowed"]) == (13, 13)
    plain, _ = TaggingRepresentation.fit(split([("a b", "NN VB")]))
    assert plain.tags == ("NN", "VB")
    assert plain.sizes["constraints"] is None


def test_rows_are_padded_and_unknown_words_and_characters_have_an_id(fitted):
    rows = fitted.encode([Sentence.of(["Ada", "ada", "Ωmega"]), Sentence.of(["EU"]), Sentence.of([])])
    assert rows.lengths.tolist() == [3, 1, 0]
    batch = rows.take(np.array([1, 0, 2]))
    assert {name: (values.shape, values.dtype.name) for name, values in batch.items()} == {
        "words": ((3, 8), "int32"),
        "characters": ((3, 8, CHARACTERS), "int32"),
        "casings": ((3, 8), "int32"),
    }
    assert batch["words"][1].tolist() == [4, 4, 1, 0, 0, 0, 0, 0]
    assert batch["characters"][1, 2, 0] == 1
    assert (batch["characters"][1, 0, :3] > 1).all()
    assert (batch["characters"][1, 0] != batch["characters"][1, 1]).any()
    assert not batch["words"][2].any()
    assert not batch["characters"][0, 1:].any()
    assert rows.take(np.array([1]), 20)["words"].shape == (1, 20)


def test_long_words_are_known_by_both_ends(fitted):
    long = "a" * 30 + "c"
    letters = fitted.encode([Sentence.of([long])]).take(np.array([0]))["characters"][0, 0]
    short = fitted.encode([Sentence.of(["ac"])]).take(np.array([0]))["characters"][0, 0]
    assert (letters > 0).all()
    assert letters[-1] == short[1]
    assert letters[0] == short[0]


def test_tags_go_to_ids_and_back(fitted):
    labels = split(TRAIN).labels
    rows = fitted.tag_rows(labels)
    assert [tuple(fitted.tags[tag] for tag in rows.row(i)) for i in range(len(rows))] == list(labels)
    assert fitted.tag_rows([("S-DATE",)]).row(0).tolist() == [0]


def test_rare_words_become_unknown_in_training_and_nothing_else(fitted):
    batch = fitted.encode(split(TRAIN).samples).take(np.array([0, 1]))
    every = fitted.with_unknown(batch, np.random.default_rng(0), 1.0)
    assert every["words"][0].tolist() == [1, 3, 1, 1, 2, 0, 0, 0]
    assert every["characters"] is batch["characters"]
    assert batch["words"][0, 0] == 6
    none = fitted.with_unknown(batch, np.random.default_rng(0), 0.0)
    np.testing.assert_array_equal(none["words"], batch["words"])


def test_it_is_written_and_read(fitted):
    again = TaggingRepresentation.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted
    assert again.sizes == fitted.sizes


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "text"},
        {"version": 2},
        {"words": "abc"},
        {"tags": [1]},
        {"tags": []},
        {"words": ["a", "a"]},
        {"rare_from": "x"},
        {"rare_from": True},
    ],
)
def test_damaged_values_are_refused(fitted, change):
    with pytest.raises(RunError, match="tagging representation: "):
        TaggingRepresentation.from_json({**fitted.to_json(), **change})
    with pytest.raises(RunError):
        TaggingRepresentation.from_json([])


def test_a_small_vocabulary_keeps_the_frequent_words_and_says_so():
    made, decisions = TaggingRepresentation.fit(split(TRAIN), vocabulary=2)
    assert made.words == ("0000", "rejects")
    assert "5 more are unknown" in decisions[0]
    with pytest.raises(UsageError, match="received 2 sentences and vocabulary=0"):
        TaggingRepresentation.fit(split(TRAIN), vocabulary=0)


def test_words_are_normalized_and_their_casing_kept_apart():
    assert normalized("F-16A") == "f-00a"
    assert [CASINGS[casing(word) - 1] for word in ("a", "A", "AB", "Ab", "aB", "1", "1a", "-")] == [
        "lower", "title", "upper", "title", "mixed", "number", "part number", "mark",
    ]  # fmt: skip
