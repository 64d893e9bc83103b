"""Any bytes that are called a table give rows or an error of the package, and nothing else."""

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convscope.data.heads import table_head, text_head
from convscope.data.tables import open_table, table_kind
from convscope.errors import ConvscopeError

NAMES = ("a.csv", "a.tsv", "a.json", "a.jsonl", "a.csv.gz", "a.parquet", "a.xlsx")
pieces = st.sampled_from(
    [
        *(
            b",",
            b";",
            b"\t",
            b"|",
            b'"',
            b"'",
            b"\\",
            b"\n",
            b"\r",
            b"#",
            b"%",
            b"sep=;",
            b" ",
            b"1,5",
            b"1.5",
        ),
        *(b"{", b"}", b"[", b"]", b":", b'"a"', b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xe9", b"\x93\xfa"),
        *(b"NA", b"text", b"label", b"2024-01-01", b"{}", b"[[", b"index", b"0", b"1", b"2"),
    ]
)


def look(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    table_head(path, text_head(path))
    try:
        table = open_table(path, table_kind(path))
        for number, (_, cells) in enumerate(table.rows(table.columns)):
            assert len(cells) == len(table.columns)
            assert number < 10_000
    except ConvscopeError as error:
        assert error.message
        assert "\n" not in error.message


@settings(max_examples=400, deadline=None)
@example(name="a.csv", data=b"#")
@example(name="a.csv", data=b"sep=;")
@example(name="a.csv", data=b"\n\n,,\n")
@example(name="a.json", data=b'{"a": {"0": {}}, "0": {}}')
@given(
    name=st.sampled_from(NAMES), data=st.lists(pieces, max_size=60).map(b"".join) | st.binary(max_size=300)
)
def test_any_bytes_are_a_table_or_a_clear_error(tmp_path_factory, name, data):
    look(tmp_path_factory.mktemp("any"), name, data)


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_workbook_is_a_clear_error(tmp_path_factory, at, byte, cut):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [("text", "label"), ("one", "a"), ("two", "b")]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    data = bytearray(out.getvalue())
    data[at % len(data)] = byte
    look(tmp_path_factory.mktemp("any"), "a.xlsx", bytes(data[: at % len(data)] if cut else data))
