"""Sound in pieces beside sound as a whole: resampled by SciPy, padded, and read from a pipe."""

import io
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from convscope.errors import DataError
from convscope.kinds.audio.readers.recordings import Excerpt, Recordings, Waveform
from convscope.kinds.audio.readers.sound_rows import PADDING, QUIET, SoundRows, as_inputs, stacked
from convscope.kinds.audio.speech.sound_stream import (
    SoundStream,
    as_stream,
    as_whole,
    quantized,
    resampled_length,
)
from convscope.kinds.audio.speech.stream import live_pieces


def noise(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


@pytest.mark.parametrize(
    ("given_rate", "rate"), [(8000, 8000), (16000, 8000), (8000, 16000), (44100, 16000), (11025, 4000)]
)
@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), max_size=12))
def test_pieces_give_what_scipy_gives_for_the_whole(given_rate, rate, sizes):
    stream = SoundStream(given_rate, rate)
    whole = noise(sum(sizes))
    cut = np.split(whole, np.cumsum(sizes)) if sizes else [whole]
    found = np.concatenate([*(stream.push(piece) for piece in cut), stream.finish()])
    step = np.gcd(given_rate, rate)
    expected = resample_poly(whole, rate // step, given_rate // step) if len(whole) else whole
    assert len(found) == len(expected) == resampled_length(len(whole), given_rate, rate)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_little_waits_however_much_has_come():
    stream = SoundStream(44100, 16000)
    for _ in range(200):
        stream.push(noise(1000))
        assert len(stream._waiting) < 12_000


def test_channels_become_one_and_numbers_16_bits():
    waveform = np.stack([noise(50), noise(50, 1)], axis=1)
    made = as_whole([Waveform(waveform[:20], 8000), Waveform(waveform[20:], 8000)], 8000)
    np.testing.assert_array_equal(made, np.rint(waveform.mean(1) * 32768).astype(np.int16))


def test_what_is_louder_than_full_scale_or_no_number_is_bounded():
    made = quantized(np.array([2.0, -2.0, np.nan, np.inf, 1e-9], np.float32))
    assert made.tolist() == [32767, -32767, 0, 32767, 0]


def test_a_rate_that_changes_is_refused():
    with pytest.raises(DataError, match="8000"):
        list(as_stream([Waveform(noise(10)[:, None], 8000), Waveform(noise(10)[:, None], 4000)], 8000))


def written(folder, *waves, rate=8000):
    for i, samples in enumerate(waves):
        soundfile.write(folder / f"{i}.wav", samples, rate, subtype="PCM_16")
    keys = [f"{i}.wav" for i in range(len(waves))]
    seconds = [len(samples) / rate for samples in waves]
    return Recordings(str(folder), keys, (), seconds, [rate] * len(waves))


def test_rows_are_padded_behind_their_ends_and_silence_is_no_padding(tmp_path):
    samples = np.array([0.5, 0.0, -0.25], np.float32)
    source = written(tmp_path, samples, noise(500))
    rows = SoundRows(source, 8000, np.array([3, 500]))
    taken = rows.take(np.array([0, 1]))
    assert taken.dtype == np.int16
    assert taken.shape[1] >= 500
    assert taken[0, :4].tolist() == [16384, 0, -8192, PADDING]
    inputs = as_inputs(taken)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs[0, :5], [0.5, QUIET, -0.25, 0, 0])
    assert (inputs[0, 3:] == 0).all()
    assert rows.packed(np.array([0]), 7).shape == (1, 7)


def test_rows_in_memory_on_disk_and_piece_by_piece_are_the_same(tmp_path):
    source = written(tmp_path, noise(300), noise(700, 1), rate=11025)
    lazy = SoundRows(source, 8000, np.array([218, 508]))
    kept = SoundRows(source, 8000, lazy.lengths, lazy.several(np.arange(2)))
    np.testing.assert_array_equal(lazy.take(np.array([1, 0])), kept.take(np.array([1, 0])))
    for rows in (lazy, kept):
        np.testing.assert_array_equal(np.concatenate(list(rows.pieces(1))), lazy.wave(1))
    assert [len(lazy.wave(i)) for i in range(2)] == lazy.lengths.tolist()


def test_a_part_of_a_file_is_heard_alone(tmp_path):
    whole = noise(8000)
    source = written(tmp_path, whole)
    part = Recordings(source.root, source.keys, (Excerpt(0.25, 0.5),), [0.5], [8000])
    rows = SoundRows(part, 8000, np.array([4000]))
    np.testing.assert_allclose(rows.wave(0) / 32768, whole[2000:6000], atol=5e-5)


def test_few_lengths_are_padded_to():
    lengths = {stacked([np.zeros(n, np.int16)], 8000).shape[1] for n in range(1, 80_000, 500)}
    assert len(lengths) < 45


def pieces_of(data, rate=8000):
    found = list(live_pieces(io.BytesIO(data), rate))
    assert len({piece.rate for piece in found}) <= 1
    values = [piece.waveform for piece in found]
    return (np.concatenate(values), found[0].rate) if found else (np.zeros((0, 1)), rate)


def test_bare_samples_are_16_bits_of_one_channel():
    values = np.array([0, 32767, -32768, 1], np.int16)
    found, rate = pieces_of(values.astype("<i2").tobytes() + b"\x01", 16000)
    np.testing.assert_allclose(found[:, 0], values / 32768)
    assert rate == 16000


@pytest.mark.parametrize("length", [None, 0, 0xFFFFFFFF])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_wav_file_is_read_by_its_header_whatever_length_that_tells(width, length):
    values = np.random.default_rng(0).integers(-(2**7), 2**7, (3000, 2)) << (8 * width - 8)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(width)
        out.setframerate(11025)
        kinds = {1: "u1", 2: "<i2", 4: "<i4"}
        out.writeframes((values + 128 * (width == 1)).astype(kinds[width]).tobytes())
    data = bytearray(file.getvalue())
    if length is not None:
        data[40:44] = length.to_bytes(4, "little")
    found, rate = pieces_of(bytes(data) + (b"LIST\x04\x00\x00\x00more" if length is None else b""))
    assert rate == 11025
    np.testing.assert_allclose(found, values / 2 ** (8 * width - 1), atol=1e-7)


def test_a_damaged_header_is_told():
    with pytest.raises(DataError, match="WAV"):
        pieces_of(b"RIFF\x00\x00\x00\x00WAVEfmt ")


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=300),
    header=st.sampled_from([b"", b"RIFF", b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"]),
)
def test_no_bytes_end_in_anything_but_sound_or_a_data_error(data, header):
    try:
        found, _ = pieces_of(header + data)
    except DataError:
        return
    assert np.isfinite(found).all()
    assert (np.abs(found) <= 1).all()


class Pipe(io.RawIOBase):
    """A stream that cannot be sought in and gives what is there, as a pipe does."""

    def __init__(self, parts):
        self._parts = list(parts)

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._parts:
            return 0
        part, rest = self._parts[0][: len(buffer)], self._parts[0][len(buffer) :]
        self._parts[:1] = [rest] if rest else []
        buffer[: len(part)] = part
        return len(part)


def test_a_pipe_is_read_as_it_comes():
    values = np.arange(5000, dtype="<i2")
    data = values.tobytes()
    found = list(live_pieces(Pipe([data[:3], data[3:999], data[999:]]), 8000))
    np.testing.assert_array_equal(np.concatenate([p.waveform for p in found])[:, 0] * 32768, values)
    assert max(len(piece.waveform) for piece in found) <= 640
