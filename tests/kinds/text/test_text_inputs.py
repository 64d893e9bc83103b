import gzip
import io
import json
import sys

import pytest
from made_texts import samples, table, write

from convscope.errors import DataError, UsageError
from convscope.kinds.text.readers.inputs import read_text_inputs


def texts(*inputs, **options):
    found = read_text_inputs([str(one) for one in inputs], **options)
    return [found.load(index) for index in range(len(found))]


def names(*inputs):
    found = read_text_inputs([str(one) for one in inputs])
    return [found.name(index) for index in range(len(found))]


@pytest.fixture
def typed(monkeypatch):
    """Puts bytes on standard input."""
    return lambda data: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input_has_a_text_in_each_line_and_keeps_empty_ones(typed):
    typed("gut\r\n\n  \nschön".encode())
    assert texts("-") == ["gut", "", "", "schön"]
    typed(b"a\nb\n")
    assert names("-") == ["standard input#1", "standard input#2"]


def test_standard_input_that_is_not_utf8_stops_with_the_line(typed):
    typed(b"a\ncaf\xe9\n")
    with pytest.raises(DataError, match="standard input, line 2: expected UTF-8, received byte 0xe9"):
        texts("-")
    typed(b"a\ncaf\xe9\n")
    assert texts("-", encoding="latin-1") == ["a", "café"]
    with pytest.raises(UsageError, match="No encoding"):
        texts("-", encoding="none")


def test_a_plain_file_has_a_text_in_each_line(tmp_path):
    for name in ("a.txt", "a", "a.en"):
        path = write(tmp_path / name, "one text\n\nand another")
        assert texts(path) == ["one text", "", "and another"]
    assert names(path) == [f"{path}#1", f"{path}#2", f"{path}#3"]
    assert texts(write(tmp_path / "a.gz", gzip.compress(b"a b\n"))) == ["a b"]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_gives_its_text_column_with_its_empty_fields(tmp_path, ending):
    rows = [*samples(4), (None, "good"), ("last one", "bad")]
    path = table(tmp_path / f"a.{ending}", rows)
    assert texts(path) == [text or "" for text, _ in rows]
    assert texts(path, text_column="label") == [label for _, label in rows]
    with pytest.raises(DataError, match="expected a column 'none', received text, label"):
        texts(path, text_column="none")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_of_texts_alone_is_read(tmp_path, ending):
    assert texts(table(tmp_path / f"a.{ending}", [("one text",), ("another",)], ("text",))) == [
        "one text",
        "another",
    ]


def test_a_headless_table_of_texts_alone_is_read(tmp_path):
    assert texts(write(tmp_path / "a.csv", "one text\nanother\n")) == ["one text", "another"]


def test_a_folder_has_a_text_in_each_file_and_its_tables(tmp_path):
    write(tmp_path / "d" / "b" / "2.txt", "second\nline")
    write(tmp_path / "d" / "a.txt", "")
    write(tmp_path / "d" / "picture.png", b"\x89PNG\0")
    table(tmp_path / "d" / "c.csv", samples(2))
    found = read_text_inputs([str(tmp_path / "d")])
    assert list(found.texts) == ["", "second\nline", *(text for text, _ in samples(2))]
    assert [(one.path, one.reason) for one in found.skipped] == [
        (str(tmp_path / "d" / "picture.png"), "neither a .txt file nor a table")
    ]


def test_patterns_match_files_in_their_order(tmp_path):
    for name in ("b", "a"):
        write(tmp_path / f"{name}.txt", name)
    assert texts(tmp_path / "*.txt") == ["a", "b"]
    with pytest.raises(DataError, match="the pattern matches no file"):
        texts(tmp_path / "*.csv")


def test_words_that_are_no_path_are_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a file", "its content")
    assert texts("what a film?", "bright ", "a file", "two\nlines", "x " * 5000) == [
        "what a film?",
        "bright",
        "its content",
        "two\nlines",
        ("x " * 5000).strip(),
    ]
    assert names("what a film", "a file") == ["text 1", "a file#1"]


@pytest.mark.parametrize("given", ["film.txt", "bright", "", " ", "x" * 5000])
def test_one_word_that_is_no_path_stops(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="there is no such file or folder, and one word is not") as caught:
        texts(given)
    assert "-" in caught.value.hint


def test_nothing_at_all_stops(tmp_path, typed):
    with pytest.raises(DataError, match="expected texts, received none"):
        texts(write(tmp_path / "a.txt", ""))
    typed(b"")
    with pytest.raises(DataError, match="expected texts, received none"):
        texts("-")
    with pytest.raises(DataError, match="expected texts, received no inputs"):
        texts()


def test_a_text_that_is_none_stops(tmp_path):
    path = write(tmp_path / "a.jsonl", json.dumps({"text": "a b"}) + "\n" + json.dumps({"text": [1]}))
    with pytest.raises(DataError, match="line 2: expected text, received list"):
        texts(path)


def test_control_characters_are_counted(tmp_path):
    found = read_text_inputs([str(write(tmp_path / "a.txt", "a\x07b\n")), "c\x07 d"])
    assert list(found.texts) == ["a b", "c  d"]
    assert found.warnings[0].startswith("2 control characters were replaced by spaces")
