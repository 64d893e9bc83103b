"""Whatever a parser or the disk raises becomes one error that names the file."""

import json
import zipfile

import numpy as np
import pytest

from convscope.data.parse_errors import damage_as_data_error, disk_as_data_error
from convscope.errors import DataError
from convscope.kinds.registry import find_recipe
from convscope.kinds.text.classification.word_vectors import read_vectors

LONG = "A" * 300


class Panic(BaseException):
    """As packages in Rust raise, past every `except Exception`."""


@pytest.mark.parametrize("error", [ValueError("x"), SyntaxError("x"), MemoryError("x"), Panic("x")])
def test_any_exception_of_a_parser_is_an_error_with_the_file(error):
    says = r"^a\.png: truncated or damaged PNG \(x\)"
    with pytest.raises(DataError, match=says), damage_as_data_error("a.png", "PNG"):
        raise error


def test_who_ends_the_program_is_let_through():
    with pytest.raises(KeyboardInterrupt), damage_as_data_error("a.png", "PNG"):
        raise KeyboardInterrupt


def test_what_the_disk_refuses_names_the_file(tmp_path):
    with pytest.raises(DataError, match=r"AAA: cannot be read \(File name too long\)"), disk_as_data_error():
        (tmp_path / LONG).stat()


@pytest.mark.parametrize(
    ("recipe", "name", "line"),
    [
        ("image-classification", "x.csv", f"path,label\n{LONG}.png,a\n{LONG}.png,b\n"),
        ("speech-recognition", "x.jsonl", json.dumps({"audio_filepath": f"{LONG}.wav", "text": "a"}) + "\n"),
        ("audio-classification", "x.csv", f"file,label\n{LONG}.wav,a\n"),
    ],
)
def test_names_that_no_file_can_have_are_not_there(tmp_path, recipe, name, line):
    (tmp_path / name).write_text(line)
    with pytest.raises(DataError):
        find_recipe(recipe).read(tmp_path / name, seed=0)


@pytest.mark.parametrize("damage", [b"x" * 40, None])
def test_word_vectors_of_no_array_or_no_unicode_are_refused(tmp_path, damage):
    np.savez(tmp_path / "good.npz", words=np.array(["a", "b"]), vectors=np.ones((2, 3), np.float32))
    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(tmp_path / "good.npz") as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry == "words.npy":
                content = damage if damage is not None else content[:-4] + b"\xff\xff\xff\x7f"
            new.writestr(entry, content)
    with pytest.raises(DataError, match=r"bad\.npz"):
        read_vectors(path, ["a"])
