"""One test for each row of the table in `classification.reader` of texts, and any bytes at all."""

import gzip
import os
import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from made_texts import everything, samples, table, write
from test_any_bytes import damaged

from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.text.classification.reader import read_texts
from convscope.kinds.text.readers.inputs import read_text_inputs


def fails(path, *words, hint="", **options):
    with pytest.raises(DataError) as caught:
        read_texts(path, **options)
    for word in words:
        assert re.search(word, caught.value.message), caught.value.message
    assert hint in caught.value.hint, caught.value.hint
    assert "\n" not in caught.value.message


def lines(rows):
    return "".join(f"{label} {text}\n" for text, label in rows)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_a_table_in_latin_1_is_read_and_one_that_could_be_several_stops(tmp_path, ending):
    path = table(tmp_path / f"a.{ending}", samples())
    text = path.read_bytes().decode()
    path.write_bytes(text.encode("latin-1"))
    assert sorted(everything(read_texts(path))) == sorted(samples())
    assert sorted(everything(read_texts(path, encoding="latin-1"))) == sorted(samples())
    path.write_bytes(text.replace("\u00dc", "\u65e5\u672c").encode("shift_jis", "replace"))
    line = 1 if ending == "jsonl" else 2
    fails(path, f"a.{ending}, line {line}: expected UTF-8, received byte 0x93", hint="--encoding shift_jis")


def test_lines_and_files_that_are_not_utf8_stop_with_the_line(tmp_path):
    fails(
        write(tmp_path / "a.txt", b"a fine\nb caf\xe9"),
        "a.txt, line 2: expected UTF-8",
        hint="--encoding latin-1",
    )
    write(tmp_path / "d" / "good" / "1.txt", b"caf\xe9")
    fails(tmp_path / "d", "1.txt, line 1: expected UTF-8", hint="--encoding latin-1")


def test_an_unknown_encoding_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="No encoding is named 'latin1000'"):
        read_texts(table(tmp_path / "a.csv", samples()), encoding="latin1000")


def test_a_binary_file_stops(tmp_path):
    fails(write(tmp_path / "a.txt", b"\x7fELF\0\0\0"), "line 1: expected text, received a NUL character")
    bad = [*samples(), ("a\0b", "good")]
    fails(table(tmp_path / "a.jsonl", bad), "line 21: expected text, received a NUL character")
    fails(table(tmp_path / "a.parquet", bad), r"a.parquet#20: expected text, received a NUL character")
    fails(write(tmp_path / "b.jsonl", '{"text": "\\ud800", "label": 1}'), "line 1: .*surrogate")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_control_characters_become_spaces_and_are_counted(tmp_path, ending):
    rows = [("ring\x07ring \x1b[1m", "good"), *samples()]
    splits = read_texts(table(tmp_path / f"a.{ending}", rows))
    assert ("ring ring  [1m", "good") in everything(splits)
    (warning,) = splits.warnings
    assert warning.startswith("2 control characters were replaced by spaces, the first in")


def test_mixed_line_ends_and_a_mark_are_read(tmp_path):
    ends = ["\n", "\r\n", "\r"] * 7
    text = "\ufefftext,label\r" + "".join(
        f'"{one}",{label}{end}' for (one, label), end in zip(samples(), ends, strict=False)
    )
    assert sorted(everything(read_texts(write(tmp_path / "a.csv", text)))) == sorted(samples())


def test_a_million_character_line_stops_with_its_number(tmp_path):
    long = "long " * 200_001
    fails(
        write(tmp_path / "a.txt", lines([*samples(), (long, "good")])),
        "a.txt, line 21: longer than 1,000,000",
    )
    fails(table(tmp_path / "a.tsv", [*samples(), (long, "good")]), "line 22: .*longer than")
    fails(table(tmp_path / "a.jsonl", [*samples(), (long, "good")]), "line 21: .*longer than")
    fails(
        table(tmp_path / "a.parquet", [*samples(), (long, "good")]), "a.parquet#20: the text is longer than"
    )
    fails(table(tmp_path / "a.csv", [*samples(), (long, "good")]), "line 22")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_empty_texts_are_skipped_and_listed(tmp_path, ending):
    path = table(tmp_path / f"a.{ending}", [("", "good"), (" \u3000", "bad"), *samples()])
    splits = read_texts(path)
    assert len(everything(splits)) == 20
    assert [one.reason for one in splits.skipped] == ["an empty text"] * 2
    first = {"jsonl": ", line 1", "parquet": "#0"}.get(ending, ", line 2")
    assert splits.skipped[0].path == f"{path}{first}"


def test_empty_files_and_lines_are_skipped_and_blank_lines_ignored(tmp_path):
    splits = read_texts(write(tmp_path / "a.txt", "\n" + lines([*samples(), ("", "good")]) + " \n\n"))
    assert [one.path for one in splits.skipped] == [f"{tmp_path / 'a.txt'}, line 22"]
    for number, (text, label) in enumerate([*samples(), (" \n ", "bad")]):
        write(tmp_path / "d" / label / f"{number}.txt", text)
    assert [Path(one.path).name for one in read_texts(tmp_path / "d").skipped] == ["20.txt"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_text_without_a_label_is_left_out_and_said(tmp_path, ending):
    splits = read_texts(table(tmp_path / f"a.{ending}", [*samples(), ("what now", None)]))
    assert len(everything(splits)) == 20
    assert splits.warnings == ("1 of 21 texts has no label and is left out",)


def test_a_line_without_label_stops(tmp_path):
    fails(
        write(tmp_path / "a.txt", lines(samples()) + " alone\n"), "line 21: expected a label before the text"
    )
    text = "".join(f"__label__{label} {text}\n" for text, label in samples())
    fails(
        write(tmp_path / "b.txt", text + "what now\n"), "line 21: expected a line that begins with __label__"
    )
    fails(write(tmp_path / "c.txt", text + "__label__a __label__b both\n"), "line 21: expected one label")


@pytest.mark.parametrize(
    ("label", "word"),
    [([1], "received list"), ({"a": 1}, "received dict"), ("x" * 201, "at most 200 characters")],
)
def test_a_label_that_is_none_stops(tmp_path, label, word):
    fails(
        table(tmp_path / "a.jsonl", [*samples(), ("what now", label)]), f"line 21: expected a label .*{word}"
    )


@pytest.mark.parametrize("text", [["a"], {"a": "b"}, 12, True])
def test_a_text_that_is_none_stops(tmp_path, text):
    fails(
        table(tmp_path / "a.jsonl", [*samples(), (text, "good")]),
        "line 21: expected text, received",
        hint="--text-column",
    )


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_missing_columns_stop_with_those_that_are_there(tmp_path, ending):
    path = table(
        tmp_path / f"a.{ending}", [(text, f"{n}") for n, (text, _) in enumerate(samples())], ("text", "who")
    )
    fails(path, "expected a column label, received text, who", hint="--label-column")
    fails(path, "expected a column 'none', received text, who", text_column="none")
    fails(path, "received 'text' as both", text_column="text", label_column="text")
    numbers = table(tmp_path / f"b.{ending}", [(n, n % 2) for n in range(20)], ("n", "label"))
    if ending in ("jsonl", "parquet"):
        fails(numbers, "expected a column text, received n, label")


def test_columns_of_lines_cannot_be_given(tmp_path):
    fails(
        write(tmp_path / "a.txt", lines(samples())),
        "expected a table with a column 'text'",
        text_column="text",
    )


@pytest.mark.parametrize(
    ("ending", "line", "word"),
    [
        ("csv", "what,now,good", "line 22: expected 2 fields, received 3"),
        ("csv", "what now", "line 22: expected 2 fields, received 1"),
        ("csv", '"what now,good', "line 22: not valid CSV"),
        ("tsv", "what\tnow\tgood", "line 22: expected 2 fields, received 3"),
        ("jsonl", '["what now", "good"]', "line 21: expected a JSON object, received list"),
        ("jsonl", '{"text": "what now", ', "line 21: expected a JSON object, received"),
        ("jsonl", "[" * 100_000, "line 21: expected a JSON object, received"),
    ],
)
def test_a_malformed_row_stops_with_its_line(tmp_path, ending, line, word):
    path = table(tmp_path / f"a.{ending}", samples())
    fails(write(path, path.read_text() + line + "\n"), word)


def test_splits_that_are_unknown_or_given_to_some_stop(tmp_path):
    rows = [(*row, "train") for row in samples()]
    columns = ("text", "label", "split")
    fails(
        table(tmp_path / "a.csv", [*rows, ("so", "good", "exam")], columns),
        "line 22: expected a split, received 'exam'",
    )
    fails(
        table(tmp_path / "b.csv", [*rows, ("so", "good", "")], columns),
        "line 22: expected a split, received ''",
    )
    fails(table(tmp_path / "c.csv", [(*row, "test") for row in samples()], columns), "expected a train split")


def test_first_words_that_cannot_be_labels_stop(tmp_path):
    words = "".join(f"word{number} and so on\n" for number in range(30))
    fails(write(tmp_path / "a.txt", words), "received 30 different first words in 30 lines")
    rows = words + "".join(f"the {number}\n" for number in range(1000))
    fails(write(tmp_path / "b.txt", rows), "received 31 different first words in 1030 lines")


def test_classes_that_cannot_be_learned_stop(tmp_path):
    good = [row for row in samples() if row[1] == "good"]
    fails(table(tmp_path / "a.csv", good, ("text", "label")), "expected a column label|at least two classes")
    fails(table(tmp_path / "b.jsonl", good), "expected at least two classes, received good")
    fails(table(tmp_path / "c.jsonl", [*samples(), ("so", "odd")]), "at least two texts per class, .* 'odd'")
    rows = [(*row, "train") for row in samples()] + [(f"so {n}", "odd", "test") for n in range(3)]
    fails(
        table(tmp_path / "d.jsonl", rows, ("text", "label", "split")),
        "class 'odd' is not in train, only in test",
    )


def test_several_data_sets_in_a_folder_stop_with_a_list(tmp_path):
    for name in ("a.train", "a.test", "b.train", "b.test"):
        write(tmp_path / name, lines(samples()))
    fails(tmp_path, r"expected the files of one data set, received a\.\*, b\.\*")
    for name in ("x/a.csv", "x/b.csv"):
        table(tmp_path / name, samples())
    fails(tmp_path / "x", "expected one file of texts.*received a.csv, b.csv")
    for name in ("y/train.csv", "y/training.csv", "y/test.csv"):
        table(tmp_path / name, samples())
    fails(tmp_path / "y", "expected one file for train, received")


def test_nothing_to_read_stops(tmp_path):
    for ending in ("txt", "csv", "tsv", "jsonl", "parquet"):
        fails(write(tmp_path / f"empty.{ending}", b""), f"empty.{ending}")
    fails(write(tmp_path / "head.csv", "text,label\n"), "expected texts with labels, received none")
    fails(tmp_path / "none.csv", "there is no such file or folder")
    fails("a\0b", "cannot be read|no such file")
    (tmp_path / "void").mkdir()
    fails(tmp_path / "void", "expected one file of texts")
    write(tmp_path / "pictures" / "cat" / "a.png", b"")
    fails(tmp_path / "pictures", "received none .1 left out: .*not a .txt file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file whatever its permissions")
def test_a_file_without_permission_stops(tmp_path):
    path = table(tmp_path / "a.csv", samples())
    path.chmod(0)
    fails(path, "cannot be read")


def test_damaged_packed_files_stop(tmp_path):
    packed = gzip.compress(table(tmp_path / "b" / "a.csv", samples()).read_bytes())
    fails(write(tmp_path / "a.csv.gz", packed[:-9]), "truncated or damaged")
    parquet = table(tmp_path / "b" / "a.parquet", samples()).read_bytes()
    fails(write(tmp_path / "a.parquet", parquet[:-9]), "truncated or damaged Parquet")
    nested = pa.table({"text": [text for text, _ in samples()], "label": [[1]] * 20})
    pq.write_table(nested, tmp_path / "nested.parquet")
    fails(tmp_path / "nested.parquet", "expected a label as text, number or boolean, received list")


def test_links_that_leave_the_folder_are_skipped(tmp_path):
    outside = write(tmp_path / "outside.txt", "secret")
    for number, (text, label) in enumerate(samples()):
        write(tmp_path / "d" / label / f"{number}.txt", text)
    (tmp_path / "d" / "good" / "out.txt").symlink_to(outside)
    (tmp_path / "d" / "good" / "broken.txt").symlink_to(tmp_path / "d" / "nowhere")
    reasons = {Path(one.path).name: one.reason for one in read_texts(tmp_path / "d").skipped}
    assert reasons == {"out.txt": "a link that leaves the folder", "broken.txt": "a broken link"}


def test_too_much_text_for_the_memory_stops(tmp_path, monkeypatch):
    monkeypatch.setattr("convscope.kinds.text.readers.rows.MOST_CHARACTERS", 100)
    fails(table(tmp_path / "a.csv", samples()), "line 5: the texts have more than 100 characters")


def made(ending):
    with tempfile.TemporaryDirectory() as folder:
        return table(Path(folder) / f"a.{ending}", samples()).read_bytes()


LABEL_LINES = lines(samples()).encode()
ORIGINALS = {
    **{f"any.{ending}": made(ending) for ending in ("csv", "tsv", "jsonl", "parquet")},
    "any.txt": LABEL_LINES,
    "any.lines": b"".join(b"__label__" + line for line in LABEL_LINES.splitlines(keepends=True)),
    "any.gz": gzip.compress(LABEL_LINES, mtime=0),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_any_bytes_are_splits_or_an_error(name):
    @settings(deadline=None, derandomize=True, database=None, max_examples=60)
    @given(damaged([ORIGINALS[name]]))
    def try_it(data):
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder) / name, data)
            try:
                assert isinstance(read_texts(path), Splits)
            except DataError as error:
                assert error.message
            try:
                assert len(read_text_inputs([str(path)])) > 0
            except DataError as error:
                assert error.message

    try_it()
