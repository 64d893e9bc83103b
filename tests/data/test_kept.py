"""Encoded samples on disk: the same as encoded anew, whatever fits."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.kept import KeptArrays, kept

SIZE = (3, 2)
BYTES = 4 * 3 * 2


class Numbers:
    """So many samples, each its own number, that count how often they are loaded."""

    def __init__(self, count):
        self.loaded = [0] * count

    def __len__(self):
        return len(self.loaded)

    def load(self, index):
        self.loaded[index] += 1
        return index


def numbers(count):
    source = Numbers(count)
    return source, LazyArrays(source, lambda value: np.full(SIZE, value, np.float32), SIZE, np.float32)


def test_each_is_encoded_once_in_any_order_and_from_several_threads():
    source, lazy = numbers(40)
    arrays = kept(lazy)
    assert isinstance(arrays, KeptArrays)
    assert (len(arrays), arrays.shape) == (40, (40, *SIZE))
    orders = [np.random.default_rng(seed).permutation(40)[:25] for seed in range(20)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(arrays.take, orders))
    assert all(np.array_equal(found[:, 0, 0], order) for found, order in zip(taken, orders, strict=True))
    before = list(source.loaded)
    assert np.array_equal(arrays.take(np.arange(40)), lazy.take(np.arange(40)))
    assert sum(source.loaded) == sum(before) + 40, "all of them by the other"


def test_what_is_beyond_the_limit_is_encoded_each_time():
    source, lazy = numbers(5)
    arrays = kept(lazy, limit_bytes=3 * BYTES + 1)
    for _ in range(3):
        assert arrays.take(np.array([4, 0, 3, 2]))[:, 0, 0].tolist() == [4, 0, 3, 2]
    assert source.loaded == [1, 0, 1, 3, 3]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_keeps_what_is_there_and_loses_nothing():
    source, lazy = numbers(6)
    arrays = kept(lazy)
    arrays.take(np.array([1]))
    arrays.room = 6
    there = arrays._file
    with open("/dev/full", "r+b", buffering=0) as full:  # noqa: PTH123
        arrays._file = full
        assert arrays.take(np.array([3]))[0, 0, 0] == 3
    arrays._file = there
    assert arrays.room == 2
    assert arrays.take(np.arange(6))[:, 0, 0].tolist() == list(range(6))
    assert source.loaded[1] == 1


def test_what_is_in_memory_stays_there():
    held = HeldArrays(np.zeros((2, *SIZE)))
    assert kept(held) is held
