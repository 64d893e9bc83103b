"""Arrays for the page, and messages of the process that decodes."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.studio.arrays import SteppedMaps, narrowed, npy_bytes
from convscope.studio.frames import array_of, flattened, read_message, unflattened, write_message


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 7), st.integers(-9, 6))
def test_a_value_follows_from_its_step_to_within_half_a_step(seed, channels, positions, exponent):
    drawn = np.random.default_rng(seed).normal(size=(channels, positions)) * 10.0**exponent
    maps = np.where(np.abs(drawn) < 10.0 ** (exponent - 1), 0, drawn).astype(np.float32)
    found = SteppedMaps.of(maps)
    low, high = found.minimum[:, None].astype(float), found.maximum[:, None].astype(float)
    values = low + found.steps / 255 * (high - low)
    assert np.all(np.abs(values - maps) <= (high - low) / 510 * 1.001 + 1e-9)
    np.testing.assert_allclose(found.strength, np.abs(maps).mean(axis=1), rtol=1e-5)
    assert found.order == np.argsort(-found.strength, kind="stable").tolist()


def test_what_is_not_finite_is_counted_and_left_out():
    found = SteppedMaps.of(np.array([[np.nan, 1.0, 3.0], [np.inf, np.nan, -np.inf]], np.float32))
    assert found.nonfinite == 4
    assert found.steps.tolist() == [[0, 0, 255], [0, 0, 0]]
    assert found.to_json()["layer"] == {"minimum": 0.0, "maximum": 3.0}


@pytest.mark.parametrize("dtype", ["f4", ">f4", "u1", "?", "i8", "f8"])
def test_arrays_arrive_as_they_are(dtype):
    values = np.arange(12).reshape(3, 4).astype(dtype)[:, ::2]
    found = np.load(io.BytesIO(npy_bytes(values)), allow_pickle=False)
    assert np.array_equal(found, values)
    assert narrowed(values).itemsize <= 4


def test_large_whole_numbers_are_not_narrowed():
    assert narrowed(np.array([2**40])).dtype == np.int64


def test_messages_arrive_as_they_were_written():
    blobs = []
    said = flattened({"a": [np.zeros(2), np.ones((1, 3), np.uint8)], "b": np.arange(4)}, blobs)
    stream = io.BytesIO()
    write_message(stream, {"tree": said}, blobs)
    stream.seek(0)
    header, found = read_message(stream)
    tree = unflattened(header["tree"], found)
    assert tree["a"][1].tolist() == [[1, 1, 1]]
    assert tree["b"].tolist() == [0, 1, 2, 3]
    with pytest.raises(EOFError):
        read_message(stream)


@pytest.mark.parametrize("said", [{"blob": 5}, {"blob": -1}, {"blob": "0"}, [], None, {"named": []}])
def test_messages_that_name_what_is_not_there_are_refused(said):
    with pytest.raises(ValueError, match="expected"):
        unflattened(said, [b""])


def test_arrays_of_objects_are_refused():
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        array_of(file.getvalue())


def test_a_part_of_impossible_length_is_refused():
    with pytest.raises(ValueError, match="a part of"):
        read_message(io.BytesIO(b"\xff" * 16))
