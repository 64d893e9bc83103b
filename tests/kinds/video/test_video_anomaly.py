"""Films of a fixed camera from files to alarms, and all that goes on from there."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interrupting import assert_ended_cleanly, interrupted_follow
from made_films import RATE, write_film, write_frames
from PIL import Image
from reading_runs import assert_same_run, interrupted

import convscope
from convscope.errors import ConvscopeError, DataError, RunError, UsageError
from convscope.kinds.registry import choose_spec
from convscope.kinds.video.anomaly.models import change_autoencoder, frame_forecaster
from convscope.kinds.video.anomaly.reader import read_scenes
from convscope.kinds.video.anomaly.scores import Usual, region_of, smoothed, windows_ending

SETTINGS = {"epochs": 4, "batch_size": 16, "learning_rate": 5e-3}
SMALL = {"width": 4, "frames": 4, "side": 32}
ODD = (3.0, 5.0)


def scene(seed, frames=60, side=32, odd=None):
    """Somebody walks in the upper half of a picture; in the lower one something darts about, at odd times."""
    rng = np.random.default_rng(seed)
    film = np.repeat(np.random.default_rng(9).integers(30, 60, (1, side, side, 1)), frames, axis=0)
    start = rng.integers(0, side)
    for at in range(frames):
        column = (start + at) % (side - 4)
        film[at, 4:12, column : column + 4] = 180
        if odd and odd[0] <= at / RATE < odd[1]:
            column = 7 * at % (side - 8)
            film[at, side - 12 : side - 4, column : column + 8] = 230
    return np.clip(film + rng.integers(-3, 4, film.shape), 0, 255).astype(np.uint8).repeat(3, axis=3)


def write_scenes(folder, suffix=".avi"):
    for at in range(6):
        write_film(folder / "train" / f"n{at}{suffix}", scene(at))
    write_film(folder / "test" / f"odd{suffix}", scene(20, odd=ODD))
    write_film(folder / "test" / f"calm{suffix}", scene(21))
    (folder / "test" / "anomalies.csv").write_text(f"film,start,end\nodd{suffix},{ODD[0]},{ODD[1]}\n")
    return folder


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes") / "data")


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def finished(scenes, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    return convscope.train(scenes, out=out, options=SMALL, say=said.append, **SETTINGS)


def test_what_is_unusual_is_recognized_learned_and_judged(finished, said):
    assert any(line.startswith("recipe: video-anomaly, because ") for line in said)
    assert "validation: 1 of 6 normal films each, drawn with the seed" in said
    found = finished.metrics()["test"]
    assert found["auc"] > 0.95 and found["recall"] == 1
    assert convscope.evaluate(finished.folder).to_json() == found


def test_a_resumed_training_ends_with_the_same_weights(finished, scenes, tmp_path):
    run = interrupted(scenes, tmp_path / "run", SETTINGS, 1, 1, options=SMALL)
    assert_same_run(convscope.train(resume=run.folder), finished)


def test_an_alarm_has_its_interval_and_its_region(finished, scenes):
    found = convscope.predict(finished.folder, [str(scenes / "test" / "odd.avi")], false_alarms=10.0)
    alarm = max((row for row in found.rows if row.alarm), key=lambda row: row.score)
    assert alarm.start < ODD[1] and alarm.end > ODD[0]
    left, top, right, bottom = alarm.box
    assert 0 <= left < right <= 32 and 16 <= top < bottom <= 32
    row = alarm.to_row()
    assert row["alarm"] == "1" and float(row["top"]) == top
    assert json.loads(json.dumps(alarm.to_json()))["box"] == list(alarm.box)
    assert "x " in alarm.to_cells()["region"]
    every = convscope.predict(finished.folder, [str(scenes / "test" / "odd.avi")], every=True).rows
    assert len(every) == 60 - 3
    scores = np.array([each.score for each in every])
    odd = np.array([ODD[0] <= each.peak < ODD[1] for each in every])
    assert np.median(scores[odd]) > np.quantile(scores[~odd], 0.9)


def test_a_stream_has_the_scores_of_a_film(finished, tmp_path):
    path = write_film(tmp_path / "a.ts", scene(20, odd=ODD))
    write_film(tmp_path / "a.mp4", scene(20, odd=ODD))
    whole = convscope.predict(finished.folder, [str(tmp_path / "a.mp4")], every=True).rows
    with path.open("rb") as file:
        live = list(convscope.stream(finished.folder, file, every=True, say=lambda line: None))
    assert len(live) == 60
    assert [row.score for row in live[3:]] == pytest.approx([row.score for row in whole], abs=0.5)
    with path.open("rb") as file:
        begins = list(convscope.stream(finished.folder, file, say=lambda line: None))
    assert 0 < len(begins) < 5 and all(row.alarm for row in begins)


def test_ctrl_c_ends_what_is_followed_with_whole_answers(finished, tmp_path):
    content = write_film(tmp_path / "a.ts", scene(20, odd=ODD)).read_bytes()
    found = interrupted_follow(finished.folder, content, "--every", rows=5)
    assert_ended_cleanly(found, rows=5)


@pytest.mark.parametrize(
    "method",
    ["maps", "kernels", "position", "why", "occlusion", "statistics", "patches", "predictions"],
)
def test_every_way_to_look_gives_figures(finished, scenes, tmp_path, method):
    paths = [str(scenes / "test" / "odd.avi"), str(scenes / "test" / "calm.avi")]
    seen = convscope.look(finished.folder, None if method == "kernels" else paths, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    json.dumps(dict(seen.about))


def test_it_is_explained_extracted_and_reported(finished, scenes, tmp_path):
    assert "frames" in convscope.explain(finished.folder).purpose
    features = convscope.extract(finished.folder, scenes, layers="motion_conv", out=tmp_path / "f.parquet")
    assert features.matrix("motion_conv").shape == (8, 4)
    page = finished.report_path.read_text("utf-8")
    assert "AUC of frames" in page and "data:image/webp" in page


def test_a_damaged_calibration_is_told(finished, tmp_path):
    for saved in ({}, {"scale": [[0.0]], "highest": [1.0]}, {"scale": "x", "highest": []}):
        with pytest.raises(RunError, match=r"calibration.json is damaged"):
            Usual.from_json(saved)


@pytest.mark.portable
@pytest.mark.parametrize("make", [frame_forecaster, change_autoencoder])
def test_architectures_put_out_the_errors_of_cells(make):
    import keras

    model = make((4, 16, 24, 1), width=4)
    x = np.random.default_rng(0).random((2, 4, 16, 24, 1), np.float32)
    found = keras.ops.convert_to_numpy(model(x))
    assert found.shape == (2, 1, 4, 6, 1) and found.min() >= 0
    still = keras.ops.convert_to_numpy(frame_forecaster((4, 16, 24, 1), width=4)(np.repeat(x[:, :1], 4, 1)))
    assert not still.any(), "an untrained forecast is the frame before"
    with pytest.raises(UsageError, match="multiples of"):
        make((4, 18, 24, 1))
    with pytest.raises(UsageError, match="at least 3 frames"):
        make((2, 16, 24, 1))


def test_regions_means_and_windows():
    region = region_of(np.eye(4))
    assert (region.left, region.top) == (0.0, 0.0)
    assert region.pixels(40, 80) == (0, 0, 10, 20)
    values = np.arange(5.0)[:, None]
    assert smoothed(values)[:, 0].tolist() == [0, 0.5, 1, 2, 3]
    frames = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    windows = windows_ending(frames, 3)
    assert windows[..., 0, 0, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]


def test_usual_errors_are_those_of_other_films():
    rng = np.random.default_rng(0)
    quiet = [rng.uniform(0.9, 1.1, (50, 2, 2)) for _ in range(3)]
    usual = Usual.of(quiet)
    assert usual.highest == pytest.approx(np.ones(150), abs=0.2)
    assert usual.surprisals(np.array([1.0, 30.0]))[1] > 5
    again = Usual.from_json(json.loads(json.dumps(usual.to_json())))
    assert np.allclose(again.scale, usual.scale, rtol=1e-5)


def marked(read):
    return {
        name.rpartition("/")[2]: label.spans
        for name, label in zip(read.test.names(), read.test.labels, strict=True)
    }


def test_frames_marked_by_arrays_and_masks_are_read_as_ucsd_and_shanghaitech_have_them(tmp_path):
    for at in (1, 2):
        write_frames(tmp_path / "Train" / f"Train00{at}", scene(at, 10))
    for at in (1, 2):
        folder = write_frames(tmp_path / "Test" / f"Test00{at}", scene(at, 10))
        for number, file in enumerate(sorted(folder.iterdir())):
            file.rename(folder / f"{number:03}.png")
    for number in range(10):
        mask = np.full((8, 8), 255 * (3 <= number < 5), np.uint8)
        place = tmp_path / "Test" / "Test001_gt" / f"{number:03}.bmp"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(mask).save(place)
    flags = np.zeros(10, np.int8)
    flags[8:] = 1
    np.save(tmp_path / "Test" / "Test002.npy", flags)
    with pytest.raises(DataError, match="video-anomaly because Test/Test001_gt marks frames of Test001"):
        choose_spec(tmp_path)  # masks of images lie so as well
    read = read_scenes(tmp_path, frame_rate=10.0)
    assert marked(read) == {"Test001": ((0.3, 0.5),), "Test002": ((0.8, 1.0),)}
    assert len(read.train) == len(read.validation) == 2, "a part of each of a few films is held out"
    np.save(tmp_path / "Test" / "Test002.npy", flags[:5])
    with pytest.raises(DataError, match="expected a label for each of 10 frames, received 5"):
        read_scenes(tmp_path)


def test_films_beside_a_table_of_intervals_are_normal_where_it_has_none(tmp_path):
    for at in range(4):
        write_film(tmp_path / f"{at}.avi", scene(at, 12))
    table = tmp_path / "events.csv"
    table.write_text("video,start,end\n1.avi,0.2,0.5\n1,0.8,1.0\ngone.avi,0,1\n2.avi,,\n")
    assert choose_spec(tmp_path)[0].name == "video-anomaly"
    read = read_scenes(tmp_path)
    assert marked(read) == {"1.avi": ((0.2, 0.5), (0.8, 1.0))}
    assert any("no film is called 'gone.avi'" in each.reason for each in read.skipped)
    for wrong in ("1.avi,0.5,0.2", "1.avi,x,1", "1.avi,nan,2"):
        table.write_text(f"video,start,end\n{wrong}\n")
        with pytest.raises(DataError, match=r"line 2: expected the seconds"):
            read_scenes(tmp_path)


def test_one_film_is_divided_by_time_and_what_is_none_is_refused(tmp_path):
    path = write_film(tmp_path / "one.avi", scene(0, 50))
    read = read_scenes(path)
    spans = [split.samples.stored[0].span for split in (read.train, read.validation, read.test)]
    assert spans == [(0.0, 3.0), (3.0, 4.0), (4.0, 5.0)]
    assert any("alarms are counted alone" in line for line in read.warnings) is False
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.txt").write_text("x")
    with pytest.raises(DataError, match="expected films, or folders of frames, received none"):
        read_scenes(tmp_path / "none")
    with pytest.raises(DataError, match="expected a film, or a folder"):
        read_scenes(tmp_path / "none" / "a.txt")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_labels_of_any_content_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    if not folder.exists():
        for place in ("train/a.avi", "train/b.avi", "test/c.avi"):
            write_film(folder / place, scene(0, 12))
    name = data.draw(st.sampled_from(["test/c.npy", "labels.csv"]))
    content = data.draw(
        st.one_of(
            st.binary(max_size=60),
            st.binary(max_size=40).map(lambda rest: b"\x93NUMPY\x01\x00v\x00" + rest),
            st.text("0123456789,.-;c av\n", max_size=60).map(lambda rows: f"film,start,end\n{rows}".encode()),
        )
    )
    (folder / name).write_bytes(content)
    try:
        read_scenes(folder)
    except ConvscopeError:
        pass
    finally:
        (folder / name).unlink()
