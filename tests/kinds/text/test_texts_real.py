import os
from pathlib import Path

import numpy as np
import pytest

from convscope.errors import DataError
from convscope.kinds.text.classification.reader import read_texts
from convscope.kinds.text.classification.representation import TextRepresentation
from convscope.kinds.text.readers.rows import plain

pytestmark = pytest.mark.realdata


def folder(name):
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    if not (Path(place) / name).is_dir():
        pytest.skip(f"{Path(place) / name} is missing")
    return Path(place) / name


def sizes(splits):
    return [len(splits[name]) for name in ("train", "validation", "test")]


def texts(split):
    return [split.samples.load(index) for index in range(len(split))]


@pytest.mark.parametrize("given", ["stsa.binary", "stsa.binary.train"])
def test_the_official_splits_of_sst2_are_kept(given):
    splits = read_texts(folder("sentences") / given)
    assert sizes(splits) == [6920, 872, 1821]
    assert splits.class_names == ("0", "1")
    assert splits.skipped == ()


def test_sst5_lies_beside_it():
    splits = read_texts(folder("sentences") / "stsa.fine")
    assert sizes(splits) == [8544, 1101, 2210]
    assert len(splits.class_names) == 5


def test_the_encoding_of_trec_is_found_and_a_validation_split_drawn():
    splits = read_texts(folder("sentences") / "TREC.train.all")
    assert any("TREC.train.all is not UTF-8 (line 66)" in line for line in splits.decisions)
    assert sizes(splits) == [4906, 546, 500]
    assert len(splits.class_names) == 6


def test_a_folder_of_several_data_sets_lists_them():
    with pytest.raises(DataError, match=r"received TREC.\*.all, stsa.binary.\*, stsa.fine.\*"):
        read_texts(folder("sentences"))


@pytest.mark.parametrize("seed", range(3))
def test_messages_are_stratified_and_near_duplicates_stay_on_one_side(seed):
    splits = read_texts(folder("sms-spam"), seed=seed)
    assert sum(sizes(splits)) == 5574
    assert splits.class_names == ("ham", "spam")
    for name in ("train", "validation", "test"):
        assert np.mean(splits[name].labels) == pytest.approx(747 / 5574, abs=0.002)
    sides = [{plain(text) for text in texts(splits[name])} for name in ("train", "validation", "test")]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_sentences_that_are_divided_already_stay_as_they_are():
    splits = read_texts(folder("sentences") / "stsa.binary")
    representation, decisions = TextRepresentation.fit(splits.train)
    assert "divided at white space" in decisions[1]
    same = [representation.tokens(text) == tuple(text.split()) for text in texts(splits.test)]
    assert np.mean(same) > 0.99
    rows = representation.encode(splits.test.samples)
    assert np.mean(rows.ids == 1) < 0.07


def test_messages_are_divided():
    splits = read_texts(folder("sms-spam"))
    for unit in ("words", "subwords", "hashed"):
        representation, decisions = TextRepresentation.fit(splits.train, unit=unit, vocabulary=4000)
        assert "punctuation and English clitics apart" in decisions[1]
        assert len(representation.encode(splits.test.samples)) == len(splits.test)
