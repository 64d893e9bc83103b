"""Recordings of any rate, duration and number of channels become clips that sound like them."""

import numpy as np
import pytest
from made_sounds import sound, sound_folders, tone

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.errors import RunError, UsageError
from convscope.kinds.audio.augmentation import AudioAugmentation
from convscope.kinds.audio.classification.representation import AudioRepresentation
from convscope.kinds.audio.readers.clips import mono
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.kinds.audio.readers.recordings import Waveform


def pitch(wave, rate):
    """The frequency of the strongest oscillation, in Hz."""
    return np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave)


def recording(seconds=1.0, rate=8000, channels=1, hertz=440):
    return Waveform(np.stack([tone(hertz, seconds, rate)] * channels, axis=1), rate)


@pytest.mark.parametrize(
    ("rates", "chosen", "said"),
    [
        ([8000] * 6, 8000, "which all train recordings have"),
        ([44100] * 6, 16000, "all train recordings have more"),
        ([8000, 8000, 8000, 8000, 11025, 44100], 8000, "the median"),
    ],
)
def test_the_rate_is_chosen_from_the_train_split(tmp_path, rates, chosen, said):
    for split in ("train", "val", "test"):
        for i, rate in enumerate(rates):
            sound(
                tmp_path / split / "ab"[i % 2] / f"{i}.wav", rate=rate if split == "train" else 22050, seed=i
            )
    made, decisions = AudioRepresentation.fit(read_recordings(tmp_path).train)
    assert made.rate == chosen
    assert said in decisions[0]
    assert made.samples == round(0.25 * chosen)
    assert "0.25 seconds" in decisions[1]


def test_the_length_covers_nearly_all_recordings_but_not_the_longest(tmp_path):
    for i in range(40):
        sound(tmp_path / "train" / "ab"[i % 2] / f"{i}.wav", seconds=3.0 if i == 0 else 0.2, seed=i)
    sound_folders(tmp_path, {"a": 1, "b": 1}, ("val", "test"))
    train = read_recordings(tmp_path).train
    assert AudioRepresentation.fit(train)[0].samples == 1600
    asked, decisions = AudioRepresentation.fit(train, rate=4000, seconds=0.5)
    assert (asked.rate, asked.samples) == (4000, 2000)
    assert all("as given" in line for line in decisions[:2])
    assert decisions[2] == "loudness: every clip is made as loud as full scale allows"
    for wrong in ({"rate": 10}, {"seconds": 0.0}, {"seconds": float("nan")}):
        with pytest.raises(UsageError):
            AudioRepresentation.fit(train, **wrong)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 22050, 44100, 48000, 44099])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_rate_and_number_of_channels_keeps_its_pitch(rate, channels):
    clip = AudioRepresentation(8000, 8000, same_level=False).to_clip(recording(1.0, rate, channels))
    assert clip.dtype == np.int16
    assert clip.shape == (8000,)
    assert pitch(clip, 8000) == pytest.approx(440, abs=1.5)
    assert np.abs(clip).max() == pytest.approx(0.5 * 32767, rel=0.12)


def test_what_a_lower_rate_cannot_hold_is_not_folded_into_it():
    high = Waveform(tone(7000, 1.0, 44100, level=1.0)[:, None], 44100)
    assert np.abs(mono(high, 8000)).std() < 0.02


def test_a_short_recording_stands_between_silence_and_its_time_is_known():
    made = AudioRepresentation(8000, 4000, same_level=False)
    given = recording(0.25)
    clip, axis = made.to_clip(given), made.describe(given).axis
    assert not clip[:1000].any()
    assert not clip[3000:].any()
    np.testing.assert_allclose(made.to_inputs(clip[1000:3000]), given.waveform[:, 0], atol=4e-5)
    assert axis.filled == (1000, 1000)
    assert axis.unit == "s"
    assert axis.places[1000] == 0
    assert axis.places[-1] == pytest.approx(3000 / 8000 - 1 / 8000)


def test_of_a_long_recording_the_loudest_stretch_is_heard():
    waveform = np.full((8000, 1), 0.001, np.float32)
    waveform[5000:6000] = 0.5
    made = AudioRepresentation(8000, 1000, same_level=False)
    given = Waveform(waveform, 8000)
    assert (made.to_clip(given) > 16000).all()
    axis = made.describe(given).axis
    assert axis.places[0] == 5000 / 8000
    assert axis.filled == (0, 0)


def test_a_recording_beyond_full_scale_becomes_quieter_and_is_not_clipped():
    clip = AudioRepresentation(8000, 2000, same_level=False).to_clip(Waveform(4 * tone()[:, None], 8000))
    assert np.abs(clip).max() == 32767
    assert np.sum(np.abs(clip) > 32000) < 400


def test_near_and_far_recordings_are_equally_loud_unless_loudness_is_kept():
    near, far = recording(), Waveform(recording().waveform / 50, 8000)
    made = AudioRepresentation(8000, 8000)
    np.testing.assert_allclose(made.to_clip(far), made.to_clip(near), atol=1)
    assert np.abs(made.to_clip(far)).max() == 32767
    kept = AudioRepresentation(8000, 8000, same_level=False)
    assert kept.to_clip(near).std() == pytest.approx(50 * kept.to_clip(far).std(), rel=0.01)
    assert not made.to_clip(Waveform(np.zeros((99, 1), np.float32), 8000)).any()


def test_clips_in_memory_and_on_demand_are_the_same(tmp_path):
    sound_folders(tmp_path, {"a": 4, "b": 4})
    samples = read_recordings(tmp_path).train.samples
    made = AudioRepresentation(8000, 2000)
    held, lazy = made.encode(samples), made.encode(samples, limit_bytes=0)
    assert isinstance(held, HeldArrays)
    assert isinstance(lazy, LazyArrays)
    some = np.array([3, 0, 3])
    np.testing.assert_array_equal(held.take(some), lazy.take(some))
    assert len(held) == len(lazy) == len(samples)
    assert made.to_inputs(held.take(some)).dtype == np.float32
    assert np.abs(made.to_inputs(held.take(some))).max() <= 1


def test_it_is_saved_and_loaded():
    made = AudioRepresentation(16000, 12345)
    assert AudioRepresentation.from_json(made.to_json()) == made
    kept = AudioRepresentation(16000, 12345, same_level=False)
    assert AudioRepresentation.from_json(kept.to_json()) == kept != made


@pytest.mark.parametrize(
    "saved",
    [None, {}, {"kind": "image", "version": 1}, {"kind": "audio", "version": 1, "rate": 8000}]
    + [
        {"kind": "audio", "version": 1, "rate": rate, "samples": n, "same_level": True}
        for rate, n in ((8e3, 1), (8, 1), (8000, 0))
    ],
)
def test_what_is_no_representation_is_told(saved):
    with pytest.raises(RunError, match="audio representation"):
        AudioRepresentation.from_json(saved)


@pytest.fixture
def clips():
    made = AudioRepresentation(8000, 4000, same_level=False)
    return np.stack([made.to_clip(recording(0.3)) for _ in range(64)])


def test_changes_follow_from_the_seed_and_leave_the_clips_alone(clips):
    change, before = AudioAugmentation(), clips.copy()
    made = [change(clips, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()
    np.testing.assert_array_equal(clips, before)
    assert made[0].dtype == np.int16
    assert made[0].shape == clips.shape


def test_speed_moves_the_pitch_within_its_bounds(clips):
    change = AudioAugmentation(speed=0.2, shift=0, tilt=0, gain=0, noise=0)
    found = [pitch(clip, 8000) for clip in change(clips, np.random.default_rng(0))]
    assert 440 / 1.2 - 5 <= min(found) < 400
    assert 490 < max(found) <= 440 * 1.2 + 5


def test_each_change_does_what_it_says(clips):
    nothing = {"speed": 0, "shift": 0, "tilt": 0, "gain": 0, "noise": 0}
    rng = np.random.default_rng(0)

    def changed(**one):
        return AudioAugmentation(**{**nothing, **one})(clips, rng).astype(np.float64)

    same = changed()
    np.testing.assert_array_equal(same, clips)
    levels = 20 * np.log10(changed(gain=6).std(axis=1) / clips.std(axis=1))
    assert -6.1 < levels.min() < -3
    assert 3 < levels.max() < 6.1
    begins = (changed(shift=0.1) != 0).argmax(axis=1) - (clips != 0).argmax(axis=1)
    assert -402 <= begins.min() < -200
    assert 200 < begins.max() <= 402
    noise = changed(noise=0.05) - clips
    shares = noise.var(axis=1) / clips.astype(np.float64).var(axis=1)
    assert 0.0 < shares.min() < 0.002
    assert 0.01 < shares.max() < 0.06
    assert changed(tilt=0.5).std(axis=1).std() > 0


def test_no_change_is_no_function_and_more_is_further():
    assert AudioAugmentation().scaled(0) is None
    assert AudioAugmentation().scaled(2).gain == 2 * AudioAugmentation().gain
    loud = AudioAugmentation().scaled(4)(np.full((8, 100), 32767, np.int16), np.random.default_rng(0))
    assert np.abs(loud.astype(int)).max() <= 32767
