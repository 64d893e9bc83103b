import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.splits import Split
from convscope.data.token_rows import UNKNOWN
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.text.readers.sources import Texts
from convscope.kinds.text.translation.representation import (
    END,
    START,
    TranslationRepresentation,
    start_shifted,
)
from convscope.kinds.text.words import learn_subwords, load_subwords

YEARS = range(1990, 2002)
SOURCES = [f"Der Mann {word} im Jahr {year}, sagt sie." for word in ("geht", "läuft") * 3 for year in YEARS]
TARGETS = [f"The man {word} in {year}, she says." for word in ("goes", "runs") * 3 for year in YEARS]


def texts(values):
    return Texts("", [str(i) for i in range(len(values))], list(values))


def split_of(sources, targets):
    labels = np.empty(len(targets), object)
    labels[:] = targets
    return Split(texts(sources), labels)


TRAIN = split_of(SOURCES, TARGETS)
FITTED, DECISIONS = TranslationRepresentation.fit(TRAIN, vocabulary=120, target_vocabulary=100)


def test_rows_end_with_the_end_token_and_hold_no_padding():
    rows = FITTED.encode(TRAIN.samples)
    assert len(rows) == len(SOURCES)
    assert all(rows.row(i)[-1] == END for i in range(len(rows)))
    assert rows.ids.min() > UNKNOWN
    assert rows.ids.max() < FITTED.sizes["vocabulary"] <= 120
    assert rows.take(np.array([0, 1])).dtype == np.int32
    assert FITTED.targets(TARGETS).ids.max() < FITTED.classes <= 100
    assert "sub-words" in DECISIONS[0]
    assert FITTED.shape == (None,)


def test_targets_come_back_as_they_were():
    rows = FITTED.targets(TARGETS)
    assert [FITTED.decode(rows.row(i)) for i in range(len(rows))] == TARGETS
    padded = np.pad(rows.row(0), (0, 5))
    assert FITTED.decode(padded) == TARGETS[0]


def test_white_space_and_normal_forms_do_not_matter():
    rows = FITTED.encode(texts(["Der Mann läuft", "  Der \u00a0 Mann la\u0308uft\t"]))
    assert rows.row(0).tolist() == rows.row(1).tolist()
    assert UNKNOWN not in rows.row(0)


def test_an_empty_text_is_an_empty_row_and_gives_an_empty_translation():
    rows = FITTED.encode(texts(["", " \t ", "Der Mann"]))
    assert rows.lengths.tolist()[:2] == [0, 0]
    assert FITTED.decode(rows.row(0)) == ""


def test_a_text_that_spells_a_special_token_does_not_get_it():
    row = FITTED.encode(texts(["<end> sagt <start> sie <padding>"])).row(0)
    assert END not in row[:-1]
    assert START not in row
    assert 0 not in row


def test_tokens_are_the_parts_of_the_text_in_its_own_spelling():
    text = "Der Mann läuft, sagt sie."
    tokens = FITTED.tokens(text)
    assert len(tokens) == len(FITTED.encode(texts([text])).row(0)) - 1
    assert "".join(tokens) == text.replace(" ", "")
    assert all(0 <= start <= end <= len(text) for start, end in FITTED.offsets(text))
    shown = FITTED.target_tokens(FITTED.targets(["The man runs"]).row(0))
    assert "".join(shown) == "Themanruns"


def test_what_is_unknown_is_copied_from_where_the_attention_points():
    source = "Der 北京 geht, sagt 東京."
    row = FITTED.encode(texts([source])).row(0)
    unknown = np.flatnonzero(row == UNKNOWN)
    assert len(unknown) == 2
    says = FITTED.targets(["she says"]).row(0)[:-1]
    ids = np.array([*says, UNKNOWN, END])
    for place, copied in zip(unknown, ("北京", "東京"), strict=True):
        attention = np.full((len(ids), len(row)), 0.01, np.float32)
        attention[len(says), place] = 1.0
        decoded = FITTED.decode(ids, attention, source)
        assert decoded.startswith("she says")
        assert decoded.endswith(copied)
    assert FITTED.decode(ids) == "she says"
    assert FITTED.decode(ids, attention, "Der Mann") == "she says"


def test_a_copied_word_keeps_its_space():
    source = "sagt 北京"
    row = FITTED.encode(texts([source])).row(0)
    attention = np.zeros((3, len(row)), np.float32)
    space = FITTED.targets(["she 1"]).row(0)[1]  # the mark of a space, apart from what follows it
    ids = np.array([FITTED.targets(["she"]).row(0)[0], space, UNKNOWN])
    assert FITTED.decode(ids, attention, source).endswith(" 北京")


def test_a_long_row_is_cut_and_that_is_said():
    short, decisions = TranslationRepresentation.fit(TRAIN, 120, 100, longest=6)
    rows = short.encode(TRAIN.samples)
    assert rows.lengths.max() == 6
    assert all(rows.row(i)[-1] == END for i in range(len(rows)))
    assert any("sentences of train are cut at 6 tokens" in line for line in decisions)
    assert len(short.tokens(SOURCES[0])) == 5


def test_a_long_text_is_parted_behind_its_sentences():
    short, _ = TranslationRepresentation.fit(TRAIN, 120, 100, longest=40)
    text = " ".join(SOURCES[:9])
    parts = short.pieces(text)
    assert len(parts) > 1
    assert " ".join(parts) == text
    assert all(part.endswith(".") for part in parts)
    assert short.encode(texts(parts)).lengths.max() <= 40
    assert short.pieces(SOURCES[0]) == (SOURCES[0],)


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.text(st.sampled_from("Der Mangeht., !?9北\u0308é\n\u3000"), max_size=80))
def test_pieces_hold_every_character_and_fit(text):
    tiny = TranslationRepresentation(FITTED.source_tokenizer, FITTED.target_tokenizer, 8)
    parts = tiny.pieces(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    # A cut inside of a word may divide it otherwise: its pieces are sub-words of their own.
    assert all(len(part.split()) <= 1 or len(tiny.offsets(part)) <= 7 for part in parts)


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.text(max_size=60))
def test_any_text_becomes_a_row_of_known_ids(text):
    row = FITTED.encode(texts([text.encode("utf-8", "replace").decode()])).row(0)
    assert all(UNKNOWN <= token < FITTED.sizes["vocabulary"] for token in row)
    assert len(row) != 1


def test_a_representation_goes_through_json():
    saved = json.loads(json.dumps(FITTED.to_json()))
    loaded = TranslationRepresentation.from_json(saved)
    assert loaded.to_json() == saved
    assert loaded.encode(TRAIN.samples).ids.tolist() == FITTED.encode(TRAIN.samples).ids.tolist()
    assert loaded.encode(texts(["<end>"])).row(0).tolist() == FITTED.encode(texts(["<end>"])).row(0).tolist()


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "image"},
        {"version": 99},
        {"longest": 1},
        {"longest": True},
        {"source": None},
        {"target": {"model": {}}},
        {"source": "text"},
    ],
)
def test_damaged_json_is_an_error(broken):
    with pytest.raises(RunError, match="translation representation"):
        TranslationRepresentation.from_json({**FITTED.to_json(), **broken})
    with pytest.raises(RunError, match="translation representation"):
        TranslationRepresentation.from_json([])


def test_a_vocabulary_without_the_special_tokens_is_an_error():
    saved = json.loads(json.dumps(FITTED.to_json()).replace("<start>", "<begin>"))
    with pytest.raises(RunError, match="lacks"):
        TranslationRepresentation.from_json(saved)


@pytest.mark.parametrize(
    ("split", "options"),
    [
        (split_of([], []), {}),
        (TRAIN, {"vocabulary": 3}),
        (TRAIN, {"target_vocabulary": 3}),
        (TRAIN, {"longest": 1}),
    ],
)
def test_what_cannot_be_fitted_is_an_error(split, options):
    with pytest.raises(UsageError):
        TranslationRepresentation.fit(split, **options)


def test_the_decoder_reads_the_answers_one_place_later():
    answers = np.array([[7, 8, END, 0], [9, END, 0, 0]], np.int32)
    assert start_shifted(answers).tolist() == [[START, 7, 8, 0], [START, 9, 0, 0]]


@pytest.mark.parametrize("change", ["unknown token", "id"])
def test_a_vocabulary_that_does_not_fit_its_texts_is_damaged(change):
    saved = json.loads(learn_subwords(["some words", "and more words"] * 10, 40))
    if change == "id":
        saved["model"]["vocab"]["w"] = 2**31
    else:
        saved["model"]["unk_token"] = "<other>"
    with pytest.raises(DataError, match="vocabulary: truncated or damaged tokenizer"):
        load_subwords(json.dumps(saved))
