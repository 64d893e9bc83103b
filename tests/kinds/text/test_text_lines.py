import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.lines import ControlCharacters, clean_text, lines_of, read_lines, read_text
from convscope.errors import DataError, UsageError


def written(folder, data, name="a.txt"):
    path = Path(folder) / name
    path.write_bytes(data)
    return path


def lines(path, **options):
    return [line for _, line in read_lines(path, **options)]


def fails(path, **options):
    with pytest.raises(DataError) as caught:
        list(read_lines(path, **options))
    return caught.value


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_end_is_the_same(tmp_path, ends, last):
    text = ends.join(["eins", "", "zwei  ", "drei"]) + ends * last
    found = list(read_lines(written(tmp_path, text.encode())))
    assert found == [(1, "eins"), (2, ""), (3, "zwei  "), (4, "drei")]


def test_mixed_line_ends_are_counted_one_by_one(tmp_path):
    assert lines(written(tmp_path, b"a\r\rb\n\rc\r\n\nd")) == ["a", "", "b", "", "c", "", "d"]


def test_what_only_unicode_takes_for_a_line_end_stays_in_its_line(tmp_path):
    text = "a\u2028b\u2029c\x0bd\x0ce\x85f\x1cg"
    controls = ControlCharacters()
    assert lines(written(tmp_path, text.encode()), controls=controls) == ["a\u2028b\u2029c d e f g"]
    assert controls.count == 4


def test_line_ends_across_the_pieces_of_a_large_file(tmp_path):
    expected = [f"{number} " + "ä" * (number % 97) for number in range(20_000)]
    for ends in ("\n", "\r\n", "\r"):
        assert lines(written(tmp_path, ends.join(expected).encode())) == expected


def test_a_byte_order_mark_is_left_out(tmp_path):
    assert lines(written(tmp_path, b"\xef\xbb\xbfa\n\xef\xbb\xbfb")) == ["a", "\ufeffb"]
    assert lines(written(tmp_path, "a\nb".encode("utf-16")), encoding="utf-16") == ["a", "b"]
    assert lines(written(tmp_path, "\ufeffa".encode("utf-16-le")), encoding="utf-16-le") == ["a"]


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_the_mark_of_another_encoding_is_named(tmp_path, name):
    error = fails(written(tmp_path, "text".encode(name)))
    assert error.message.endswith(
        f"a.txt, line 1: expected UTF-8, received the byte order mark of {name.upper()}"
    )
    assert f"--encoding {name}" in error.hint


@pytest.mark.parametrize(("byte", "offered"), [(b"\xe9", "latin-1"), (b"\x93", "cp1252")])
def test_bytes_that_do_not_decode_stop_with_their_line_and_an_offer(tmp_path, byte, offered):
    path = written(tmp_path, "gut\r\nschön\r\n".encode() + b"caf" + byte + b" au lait\n")
    error = fails(path)
    assert error.message == f"{path}, line 3: expected UTF-8, received byte 0x{byte.hex()}"
    assert error.hint.endswith(f"--encoding {offered}.")
    assert len(lines(path, encoding=offered)) == 3


def test_a_late_line_that_does_not_decode_is_counted_right(tmp_path):
    assert "line 50001: " in fails(written(tmp_path, "grün und blau\n".encode() * 50_000 + b"\xff")).message


def test_a_character_that_is_cut_at_the_end_stops(tmp_path):
    assert "line 2" in fails(written(tmp_path, b"a\n\xc3")).message


def test_a_wrong_encoding_that_was_asked_for_stops(tmp_path):
    error = fails(written(tmp_path, "schön".encode("latin-1")), encoding="ascii")
    assert "expected ASCII, received byte 0xf6" in error.message
    assert "--encoding" in error.hint


@pytest.mark.parametrize(
    "name", ["utf8000", "", "hex", "rot13", "unicode_escape", "utf-7", "a\0b", "idna", "undefined"]
)
def test_an_unknown_encoding_is_wrong_use(tmp_path, name):
    with pytest.raises(UsageError, match="No encoding is named"):
        list(read_lines(written(tmp_path, b"a"), encoding=name or "."))


def test_a_line_over_the_limit_stops_with_its_number(tmp_path):
    path = written(tmp_path, b"a\n" + b"x" * 1_000_000 + b"\n" + b"x" * 1_000_001)
    assert fails(path).message == f"{path}, line 3: longer than 1,000,000 characters"
    assert "line 2: longer than 10 characters" in fails(path, limit=10).message


def test_a_file_without_line_ends_is_not_held_in_memory():
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return b"x" * size

    with pytest.raises(DataError, match="line 1: longer than"):
        list(lines_of(Endless(), "endless"))


def test_a_binary_file_stops(tmp_path):
    assert (
        "line 2: expected text, received a NUL character" in fails(written(tmp_path, b"a\n\x01\0b")).message
    )


def test_control_characters_become_spaces_and_are_counted(tmp_path):
    controls = ControlCharacters()
    path = written(tmp_path, b"a\tb\n\x1b[31mc\x7f\x08")
    assert lines(path, controls=controls) == ["a\tb", " [31mc  "]
    (warning,) = controls.warnings
    assert warning == f"3 control characters were replaced by spaces, the first in {path}, line 2"
    assert ControlCharacters().warnings == ()


def test_a_packed_file_is_read_and_a_damaged_one_stops(tmp_path):
    packed = gzip.compress("größer\nals\n".encode() * 1000)
    assert lines(written(tmp_path, packed, "a.gz")) == ["größer", "als"] * 1000
    for damaged in (packed[:-20], packed[:50] + b"\0\0\0" + packed[53:], b"no gzip", packed + b"rest"):
        assert "truncated or damaged" in fails(written(tmp_path, damaged, "b.gz")).message


def test_a_path_that_cannot_be_read_stops(tmp_path):
    assert "there is no such file" in fails(tmp_path / "none").message
    assert "cannot be read" in fails(tmp_path).message
    assert "cannot be read" in fails("a\0b").message


def test_a_whole_text_keeps_its_lines_and_is_bounded(tmp_path):
    path = written(tmp_path, b"a\r\nb\rc\n")
    assert read_text(path) == "a\nb\nc"
    assert read_text(path, limit=5) == "a\nb\nc"
    with pytest.raises(DataError, match="longer than 4 characters"):
        read_text(path, limit=4)


def test_a_field_of_a_table_is_cleaned_as_a_file_is():
    controls = ControlCharacters()
    assert clean_text("a\r\nb\x07ü", "here", controls) == "a\nb ü"
    assert controls == ControlCharacters(1, "here")
    for bad in ("a\0", "\ud800"):
        with pytest.raises(DataError, match="here: expected text"):
            clean_text(bad, "here", controls)


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\r\t")))
def test_any_text_is_read_as_python_reads_it(text):
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, text.encode())
        expected = io.StringIO(text.removeprefix("\ufeff"), newline=None).read().split("\n")
        assert lines(path) == (expected if expected[-1] else expected[:-1])
        assert lines(written(folder, gzip.compress(text.encode()), "a.gz")) == lines(path)


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(
    st.binary(max_size=80), st.sampled_from([None, "latin-1", "utf-16", "shift_jis", "iso2022_jp", "cp1252"])
)
def test_any_bytes_are_lines_or_an_error_with_a_line(data, encoding):
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, data)
        try:
            found = lines(path, encoding=encoding)
        except DataError as error:
            assert "line " in error.message
            return
        assert not any(set("\n\r\0") & set(line) for line in found)
