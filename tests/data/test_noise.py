"""Decoders write to standard error by themselves: it is caught, counted, and nothing else is lost."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from convscope.data.noise import caught_noise, noise_lines
from convscope.errors import DataError
from convscope.kinds.audio.readers.recordings import opened_sound


def complain(text):
    os.write(2, text.encode())


def test_lines_are_counted_and_not_shown(capfd):
    noise_lines()
    with caught_noise():
        complain("warning one\n\nwarning two\n")
        with caught_noise():
            complain("warning three\n")
    complain("shown\n")
    assert noise_lines() == 3
    assert noise_lines() == 0
    assert capfd.readouterr().err == "shown\n"


def test_many_threads_complain_at_once(capfd):
    noise_lines()

    def work(number):
        with caught_noise():
            complain(f"{number}\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    assert noise_lines() == 400
    assert capfd.readouterr().err == ""


def test_a_damaged_mp3_says_nothing_by_itself(tmp_path, capfd):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "x.mp3"
    soundfile.write(path, np.random.default_rng(0).normal(size=16000) / 9, 16000, format="MP3")
    whole = path.read_bytes()
    path.write_bytes(whole[:300] + bytes(700) + b"\xff\xfb\x90" * 90 + whole[1500:])
    try:
        with opened_sound(path) as file:
            file.read()
    except DataError:
        pass
    assert capfd.readouterr().err == ""
