"""Films that are still coming: cut into clips as they come, whatever happens on the way."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_films import LIVE, RATE, gray_steps, write_film

from convscope.errors import DataError, UsageError
from convscope.kinds.video.representation import ClipRepresentation
from convscope.kinds.video.stream import live_clips
from convscope.types import silent

MADE = ClipRepresentation(4, (16, 16), 1, 1 / RATE, 8, "moving")
STEP = 255 // 24


def film(folder, suffix, frames=24):
    return write_film(folder / f"a{suffix}", gray_steps(np.arange(frames) * STEP)).read_bytes()


def levels(clip):
    return clip.at(MADE.times(clip.seconds), MADE.size, 1).mean(axis=(1, 2, 3))


def clips(content, say=silent, part=0.8):
    return list(live_clips(io.BytesIO(content), MADE, part, None, say))


@pytest.mark.parametrize("suffix", sorted(LIVE))
def test_a_film_of_every_form_is_cut_into_clips(tmp_path, suffix):
    rate = 25 if suffix == ".mjpeg" else RATE  # it holds no times
    part = 8 / rate
    made = ClipRepresentation(4, (16, 16), 1, 1 / rate, 8, "moving")
    found = list(live_clips(io.BytesIO(film(tmp_path, suffix)), made, part, None, silent))
    assert [clip.start for clip in found] == pytest.approx([0, part, 2 * part], abs=1e-6)
    shown = [clip.at(made.times(clip.seconds), made.size, 1).mean(axis=(1, 2, 3)) for clip in found]
    assert np.concatenate(shown) == pytest.approx(np.arange(24) * STEP, abs=12)


def test_a_clip_is_there_before_the_next_one_has_come(tmp_path):
    """The pipe ends in the middle; what came before has been given out, the rest is a shorter clip."""

    class Slow(io.BytesIO):
        given = 0

        def read1(self, size):
            content = super().read(min(size, 188))
            self.given += len(content)
            return content

    frames = np.random.default_rng(0).integers(0, 255, (120, 32, 32, 3), np.uint8)
    path = write_film(tmp_path / "a.ts", frames)
    slow = Slow(path.read_bytes())
    found = live_clips(slow, MADE, 0.8, None, silent)
    assert next(found).start == 0
    assert slow.given < 0.7 * path.stat().st_size
    assert len(list(found)) == 14


def test_arrays_are_frames(tmp_path):
    frames = gray_steps(np.arange(20) * STEP)
    found = list(live_clips(iter(frames), MADE, 0.8, RATE, silent))
    assert [clip.seconds for clip in found] == pytest.approx([0.8, 0.8, 0.4])
    assert np.concatenate([levels(clip) for clip in found]) == pytest.approx(np.arange(20) * STEP, abs=1)
    with pytest.raises(UsageError, match="A frame is an array of uint8"):
        list(live_clips([np.zeros((4, 4))], MADE, 0.8, RATE, silent))


def test_time_stamps_that_jump_are_counted_on(tmp_path):
    said = []
    twice = film(tmp_path, ".ts") + film(tmp_path, ".ts")
    found = clips(twice, said.append)
    assert len(found) == 6 and any("time stamps of the stream have jumped 1 times" in line for line in said)


@pytest.mark.parametrize("before", [0, 4000])
def test_an_interruption_while_frames_are_awaited_is_one(tmp_path, before):
    """FFmpeg asks for what comes next, and would swallow it."""

    class Interrupted(io.BytesIO):
        def read1(self, size):
            content = super().read(min(size, 188))
            if self.tell() > before:
                raise KeyboardInterrupt
            return content

    said, kept = [], []
    with pytest.raises(KeyboardInterrupt):
        kept.extend(live_clips(Interrupted(film(tmp_path, ".ts")), MADE, 0.8, None, said.append))
    assert not kept, "the clip that was cut short is no answer"


def test_what_is_no_film_is_refused_with_the_way(tmp_path):
    for content in (b"", b"words " * 1000):
        with pytest.raises(DataError, match="standard input: cannot be read as a film") as error:
            clips(content)
        assert "-f mpegts" in error.value.hint


_CONTENT = {}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damage_is_passed_over_or_refused(tmp_path_factory, data):
    suffix = data.draw(st.sampled_from(sorted(LIVE)))
    if suffix not in _CONTENT:
        _CONTENT[suffix] = film(tmp_path_factory.mktemp("live"), suffix)
    content = bytearray(_CONTENT[suffix])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = clips(bytes(content))
    except DataError:
        return
    assert len(found) < 100
