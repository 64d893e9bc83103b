"""What is seen of a path without reading it."""

import gzip
import io

import numpy as np
import pytest

from convscope.data import snapshot as rooms
from convscope.data.heads import ArrayHead
from convscope.data.snapshot import DataSnapshot


def test_a_summary_tells_what_was_seen(tmp_path):
    assert DataSnapshot(tmp_path).summary() == "an empty folder"
    for number in range(3):
        (tmp_path / f"{number}.pdf").write_bytes(b"%PDF")
    (tmp_path / "rows.csv").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "Makefile").write_text("all:\n")
    np.savez(tmp_path / "z.npz", adj_data=np.zeros(4))
    assert DataSnapshot(tmp_path).summary() == (
        "3 .pdf files, 1 file without a suffix, 1 .csv file with columns a, b, c,"
        " 1 .npz file with arrays adj_data (4,)"
    )
    assert DataSnapshot(tmp_path / "rows.csv").summary() == "1 .csv file with columns a, b, c"
    assert DataSnapshot(tmp_path / "none").summary() == "no such file or folder"


@pytest.mark.parametrize(
    ("text", "first", "delimiter"),
    [
        ("a,b\n1,2\n", ("a", "b"), ","),
        ("a;b\n1,5;2,5\n", ("a", "b"), ";"),
        ("a\tb\nx, y\tz\n", ("a", "b"), "\t"),
        ("a|b|c\n1|2|3\n", ("a", "b", "c"), "|"),
        ('"a, b",c\n1,2\n', ("a, b", "c"), ","),
        ("alone\n1\n", ("alone",), ","),
    ],
)
def test_the_delimiter_of_a_table_is_found(tmp_path, text, first, delimiter):
    (tmp_path / "a.csv").write_text(text)
    head = DataSnapshot(tmp_path).tables[tmp_path / "a.csv"]
    assert (head.first, head.delimiter) == (first, delimiter)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_text(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes("t\u00e4xt,label\nx,y\n".encode(encoding))
    assert DataSnapshot(tmp_path).tables[tmp_path / "a.csv"].first == ("t\u00e4xt", "label")


def test_packed_text_is_seen_and_what_is_none_is_not(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"some words\n"))
    (tmp_path / "b.txt").write_bytes(b"a\0b")
    (tmp_path / "c.txt.gz").write_bytes(b"\x1f\x8bdamaged")
    snapshot = DataSnapshot(tmp_path)
    assert snapshot.texts == {tmp_path / "a.txt.gz": "some words\n"}
    assert snapshot.suffixes == {".txt": 3}


def test_headers_of_arrays_are_read_and_nothing_of_them(tmp_path):
    stored = io.BytesIO()
    np.savez(stored, x=np.zeros((2, 3), np.uint8), y=np.zeros(2, object))
    (tmp_path / "a.npz").write_bytes(stored.getvalue())
    heads = DataSnapshot(tmp_path).arrays(tmp_path / "a.npz")
    assert heads == {"x": ArrayHead((2, 3), "|u1"), "y": ArrayHead((2,), "|O")}


def test_files_about_the_data_are_no_data(tmp_path):
    for name in ("README", "LICENSE.txt", "train.py", "paper.pdf", "1.wav"):
        (tmp_path / name).write_bytes(b"x")
    snapshot = DataSnapshot(tmp_path)
    assert [file.name for file in snapshot.data_files] == ["1.wav"]
    assert snapshot.prevails(frozenset([".wav"])) and not snapshot.prevails(frozenset([".png"]))


def test_no_more_files_are_listed_than_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(rooms, "MOST_FILES", 3)
    for number in range(5):
        (tmp_path / str(number)).write_text("x")
    snapshot = DataSnapshot(tmp_path)
    assert len(snapshot.files) == 3
    assert snapshot.summary() == "at least 3 files without a suffix"


@pytest.mark.parametrize(
    ("name", "text", "way"),
    [
        (
            "a.txt",
            "time   temp  state\n" + "10:00  20.5  all ok\n10:10   9.1  off\n" * 4,
            "pandas.read_fwf('a.txt')",
        ),
        ("s.dat", "0.1 0.2 0.3 1\n0.2 0.1 0.4 0\n" * 4, "call it s.csv, with a first line"),
        ("a.md", "| text | label |\n|---|---|\n| yes | a |\n| no | b |\n", "call it a.csv"),
        ("a.csv", "height;weight\n1,80;75\n1,70;60\n1,60;62\n", "gradient boosting"),
        ("b.csv", "name;unit;age;pay\nAnn;IT;20;30\nBob;HR;30;40\nEve;IT;40;50\n", "gradient boosting"),
    ],
)
def test_advice_names_the_way(tmp_path, name, text, way):
    (tmp_path / name).write_text(text)
    assert way in DataSnapshot(tmp_path / name).advice()


def test_several_tables_of_another_ending_are_told_to_be_joined(tmp_path):
    for name in ("one.dat", "two.dat"):
        (tmp_path / name).write_text("0.1 0.2 0.3 1\n0.2 0.1 0.4 0\n" * 4)
    assert r"pandas.read_csv(path, sep='\\s+', header=None, names=names)" in DataSnapshot(tmp_path).advice()


def test_prose_has_no_fixed_widths(tmp_path):
    lines = ["It was  a fine film.", "Nobody  laughed, said she.", "A dull hour  of song.", "Never  again."]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert "read_fwf" not in DataSnapshot(tmp_path / "a.txt").advice()


@pytest.mark.parametrize(("pixels", "way"), [(784, "reshape(-1, 28, 28)"), (3072, "reshape(-1, 3, 32, 32)")])
def test_flat_arrays_of_noise_are_told_how_to_become_images(tmp_path, pixels, way):
    np.savez(tmp_path / "n.npz", x_train=np.zeros((9, pixels)), y_train=np.zeros(9))
    assert way in DataSnapshot(tmp_path / "n.npz").advice()
