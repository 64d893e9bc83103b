"""No byte string given to a reader ends in anything but samples or a `DataError`."""

import functools
import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import class_folders, encoded, picture, png, write
from PIL import Image
from test_image_arrays import idx, idx_folder, labels, pictures
from test_image_tables import fer_csv, hugging_face

from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.image.readers.decode import decode_image
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.reader import read_images

check = functools.partial(settings, deadline=None, derandomize=True, database=None)


def damaged(originals):
    """Random bytes, and valid files with a few bytes overwritten, removed or put in."""

    @st.composite
    def strategy(draw):
        data = bytearray(draw(st.sampled_from(originals)))
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(data)))
            new = draw(st.binary(max_size=4) | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"]))
            kind = draw(st.sampled_from(["overwrite", "insert", "remove", "cut"]))
            if kind == "cut":
                del data[at:]
            else:
                data[at : at + (0 if kind == "insert" else len(new) if kind == "overwrite" else 7)] = new
        return bytes(data)

    return st.binary(max_size=60) | strategy()


def made(make):
    """The bytes of the file that a helper writes."""
    with tempfile.TemporaryDirectory() as folder:
        return make(Path(folder)).read_bytes()


def archive(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def reads_or_stops(path):
    try:
        splits = read_images(path)
    except DataError as error:
        assert error.message
        return
    assert isinstance(splits, Splits)
    for split in (splits.train, splits.validation, splits.test):
        for index in range(len(split)):
            assert split.samples.load(index).dtype == np.uint8


PICTURES = [
    encoded(Image.fromarray(picture(1, 9, 9, channels)), kind)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
    for channels in (1, 3)
]
CSV = made(fer_csv)
MANIFEST = b"path,label,split\n" + b"".join(
    b"%d.png,%d,train\n" % (number, number % 2) for number in range(6)
)
PARQUET = [
    made(lambda folder: hugging_face(folder / "a.parquet", range(6))),
    made(lambda folder: hugging_face(folder / "a.parquet", range(6), names=())),
]
NPZ = [archive(images=pictures(6), labels=labels(6)), archive(x_train=pictures(6) / 255, y_train=labels(6))]


@check(max_examples=400)
@given(damaged(PICTURES))
def test_as_a_picture(data):
    try:
        decoded = decode_image(data, "any.png")
    except DataError as error:
        assert error.message.startswith("any.png: ")
        return
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 2 or decoded.shape[2] == 3


@check(max_examples=40)
@given(damaged(PICTURES))
def test_as_a_file_in_a_class_folder_and_as_an_input(data):
    with tempfile.TemporaryDirectory() as folder:
        class_folders(Path(folder), {"a": 2, "b": 2})
        path = write(Path(folder) / "a" / "any.png", data)
        splits = read_images(folder)
        found = {name for split in (splits.train, splits.validation, splits.test) for name in split.names()}
        assert len(found) + len(splits.skipped) == 5
        try:
            assert len(read_inputs([str(path)])) == 1
        except DataError:
            assert splits.skipped[0].path == str(path)


@pytest.mark.parametrize(
    ("name", "originals"),
    [
        ("any.csv", [CSV, CSV[:500], MANIFEST]),
        ("any.parquet", PARQUET),
        ("any.npz", NPZ),
    ],
)
def test_as_a_table_or_an_archive(name, originals):
    @check(max_examples=150)
    @given(damaged(originals))
    def try_it(data):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(6):
                write(Path(folder) / f"{number}.png", png(picture(number)))
            reads_or_stops(write(Path(folder) / name, data))

    try_it()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_as_an_idx_file(name, packed):
    valid = idx(pictures(20)) if "images" in name else idx(labels(20))

    @check(max_examples=60)
    @given(damaged([gzip.compress(valid, mtime=0) if packed else valid]))
    def try_it(data):
        with tempfile.TemporaryDirectory() as folder:
            idx_folder(Path(folder), packed)
            reads_or_stops(write(Path(folder) / (name + ".gz" * packed), data).parent)

    try_it()


@check(max_examples=40)
@given(damaged([idx(pictures(20))]))
def test_as_what_is_inside_a_gzip_file(data):
    with tempfile.TemporaryDirectory() as folder:
        write(idx_folder(Path(folder), True) / "train-images-idx3-ubyte.gz", gzip.compress(data))
        reads_or_stops(folder)
