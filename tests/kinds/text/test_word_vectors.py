import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_texts import write
from test_any_bytes import damaged

from convscope.errors import DataError
from convscope.kinds.text.classification.word_vectors import read_vectors

WORDS = ("the", "cat", "Sat", "mat", "don't", "日本")
VALUES = np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(np.float32)


def lines(words=WORDS, values=VALUES, gap=" ", end="\n"):
    return "".join(
        gap.join([word, *map(repr, map(float, row))]) + end for word, row in zip(words, values, strict=True)
    )


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


FORMS = {
    "a.vec": (f"{len(WORDS)} 5\n" + lines(end=" \n")).encode(),
    "a.txt": lines().encode(),
    "b.txt": lines(gap="\t", end="\r\n").encode(),
    "a.vec.gz": gzip.compress(lines().encode(), mtime=0),
    "a.npz": archive(words=np.array(WORDS), vectors=VALUES),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_vectors(tmp_path, name):
    found = read_vectors(write(tmp_path / name, FORMS[name]), ["mat", "none", "日本", "the", "don't"])
    assert found.found.tolist() == [True, False, True, True, True]
    assert found.matrix.dtype == np.float32
    assert np.array_equal(found.matrix, [VALUES[3], np.zeros(5), VALUES[5], VALUES[0], VALUES[4]])


@pytest.mark.parametrize("ending", ["txt", "npz"])
def test_words_fall_back_to_the_same_letters(tmp_path, ending):
    words = ("Apple", "apple", "PARIS", "Paris", "rome")
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    data = (
        archive(words=np.array(words), vectors=values) if ending == "npz" else lines(words, values).encode()
    )
    found = read_vectors(
        write(tmp_path / f"a.{ending}", data), ["apple", "APPLE", "paris", "Paris", "Rome", "x"]
    )
    assert found.matrix[:5].tolist() == [[2, 3], [0, 1], [4, 5], [6, 7], [8, 9]]
    assert found.found.tolist() == [True] * 5 + [False]


def test_the_first_vector_of_a_word_counts(tmp_path):
    path = write(tmp_path / "a.txt", "a 1 2\nA 9 9\na 3 4\n")
    assert read_vectors(path, ["a"]).matrix.tolist() == [[1, 2]]


def test_words_of_several_parts_are_passed_over(tmp_path):
    path = write(tmp_path / "a.txt", "the 1 2\n. . . 3 4\nat name@x.org 5 6\n. 7 8\nat 9 9\n")
    assert read_vectors(path, [".", "at"]).matrix.tolist() == [[7, 8], [9, 9]]


def test_no_wanted_word_at_all_is_no_fault(tmp_path):
    found = read_vectors(write(tmp_path / "a.txt", lines()), ["nobody"])
    assert found.matrix.shape == (1, 5)
    assert not found.found.any()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", "", "received an empty file"),
        ("a.txt", "\n \n", "received an empty file"),
        ("a.txt", "word\n", "line 1: expected a word and its numbers"),
        ("a.txt", "some words here\n", "line 1: expected a word and its numbers"),
        ("a.txt", "the 1 2 3\ncat 1 2\n", "line 2: expected a word and 3 numbers, received 2"),
        ("a.txt", "the 1 2 3\nother 1 2\n", "line 2: expected a word and 3 numbers, received 2"),
        ("a.txt", "the 1 2\ncat 1 2 3\n", "line 2: expected a word and 2 numbers, received 3"),
        ("a.txt", "the 1 2\ncat 1 x\n", "line 2: expected numbers, received 'x'"),
        ("a.txt", "the 1 2\ncat 1 nan\n", "line 2: expected finite numbers"),
        ("a.txt", "the 1 2\ncat 1 1e39\n", "line 2: expected finite numbers"),
        ("a.txt", b"the 1 2\n\xff 1 2\n", "line 2: expected UTF-8, received byte 0xff"),
        ("a.vec", "3 2\nthe 1 2\ncat 1 2\n", "expected 3 words by its first line, received 2"),
        ("a.vec", "1 0\nthe\n", "line 1: expected vectors of 1 to 65535 numbers, received 0"),
        ("a.bin", "the 1 2\n", "expected word vectors as .vec, .txt or .npz"),
        ("a.npz", b"PK\x03\x04", "truncated or damaged NumPy archive"),
        ("a.npz", archive(words=np.array(WORDS)), "expected arrays words and vectors, received words"),
        (
            "a.npz",
            archive(words=np.array(WORDS, object), vectors=VALUES),
            "truncated or damaged NumPy archive",
        ),
        (
            "a.npz",
            archive(words=np.array(WORDS), vectors=VALUES[:3]),
            r"vectors\]: expected numbers of shape \(6, n\)",
        ),
        ("a.npz", archive(words=np.arange(6), vectors=VALUES), r"words\]: expected text"),
        (
            "a.npz",
            archive(words=np.array(WORDS), vectors=VALUES * np.nan),
            r"vectors\]#0: expected finite numbers",
        ),
    ],
)
def test_bad_input_stops(tmp_path, name, data, message):
    with pytest.raises(DataError, match=message):
        read_vectors(write(tmp_path / name, data), WORDS)


def test_a_file_that_is_missing_stops(tmp_path):
    for name in ("a.txt", "a.npz"):
        with pytest.raises(DataError):
            read_vectors(tmp_path / name, WORDS)


@pytest.mark.parametrize("name", FORMS)
def test_any_bytes_are_vectors_or_an_error(name):
    @settings(deadline=None, derandomize=True, database=None, max_examples=100)
    @given(damaged([FORMS[name]]))
    def try_it(data):
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = read_vectors(write(Path(folder) / name, data), WORDS)
            except DataError as error:
                assert error.message
                return
            assert len(found.matrix) == len(found.found) == len(WORDS)
            assert np.isfinite(found.matrix).all()

    try_it()


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(max_size=80))
def test_any_line_is_vectors_or_an_error(text):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.txt", "the 1 2\n" + text)
        try:
            assert read_vectors(path, ["the"]).matrix.shape == (1, 2)
        except DataError as error:
            assert "line " in error.message
