"""Films from files to a judged model, and all that goes on from there."""

import csv
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from interrupting import assert_ended_cleanly, interrupted_follow
from made_films import FRAMES, PER_CLASS, RATE, moving, write_film, write_films
from PIL import Image
from reading_runs import assert_same_run, interrupted

import convscope
from convscope.data.kept import kept
from convscope.data.splits import Split
from convscope.errors import UsageError
from convscope.kinds.video.models import c3d, temporal_shift
from convscope.kinds.video.readers.inputs import read_inputs
from convscope.kinds.video.representation import ClipRepresentation, fit_representation
from convscope.kinds.video.windows import BESIDE, ClipAugmentation, augmentation, counts_of, packed, window
from convscope.kinds.video.windows import test_time_views as views_of

SETTINGS = {"epochs": 5, "batch_size": 8, "learning_rate": 5e-3, "precision": "float32"}
SMALL = {"width": 4, "frames": 6, "side": 32, "flip": False, "windows": 2}
LAYER = "stage1_block1_conv1"


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return write_films(tmp_path_factory.mktemp("films") / "data")


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def finished(films, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    return convscope.train(films, out=out, options=SMALL, say=said.append, **SETTINGS)


def test_a_folder_per_class_is_recognized_trained_and_evaluated(finished, said):
    assert "recipe: video-classification, because across/p0_across.avi is a film" in said
    assert any(line.startswith("windows: 6 frames 0.2 s apart, 1.2 s") for line in said)
    assert any(line.startswith("camera: fixed, because ") for line in said)
    assert any(
        line.startswith("part: films of more than 2.4 s are predicted in parts of 1.2 s") for line in said
    )
    assert convscope.evaluate(finished.folder).to_json() == finished.metrics()["test"]


@pytest.mark.slow
def test_a_resumed_training_ends_with_the_same_weights(finished, films, tmp_path):
    run = interrupted(films, tmp_path / "run", SETTINGS, 1, 1, options=SMALL)
    assert_same_run(convscope.train(resume=run.folder), finished)


def test_a_long_film_is_answered_in_intervals(finished, tmp_path):
    both = np.concatenate([moving("across", 90, frames=36), moving("down", 91, frames=36)])
    write_film(tmp_path / "long.mp4", both)
    write_film(tmp_path / "short.mp4", moving("down", 92))
    (tmp_path / "bad.mp4").write_bytes(b"no")
    found = convscope.predict(finished.folder, [str(tmp_path)])
    assert [each.path.rpartition("/")[2] for each in found.skipped] == ["bad.mp4"]
    *parts, short = found.rows
    assert {row.name.rpartition("/")[2] for row in parts} == {"long.mp4"}
    assert (parts[0].start, parts[-1].end) == (0, pytest.approx(7.2, abs=0.05))
    for one, other in pairwise(parts):
        assert one.end == pytest.approx(other.start) and one.label != other.label
    assert (short.start, short.end) == (0, pytest.approx(FRAMES / RATE, abs=0.02))
    assert sum(short.probabilities.values()) == pytest.approx(1, abs=1e-5)
    row = short.to_row()
    assert (row["start"], float(row["end"])) == ("0.000", pytest.approx(1.2, abs=0.02))
    assert json.loads(json.dumps(short.to_json()))["label"] == short.label
    assert short.to_cells()["seconds"].startswith("0.00 to 1.2")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_ctrl_c_ends_what_is_followed_with_whole_answers(finished, tmp_path, form):
    content = write_film(tmp_path / "a.ts", moving("across", 90, frames=60)).read_bytes()
    found = interrupted_follow(finished.folder, content, form=form, rows=2)
    assert_ended_cleanly(found, form=form, rows=2)


def test_a_stream_is_answered_in_the_intervals_of_a_film(finished, tmp_path):
    both = np.concatenate([moving("across", 90, frames=24), moving("down", 91, frames=24)])
    path = write_film(tmp_path / "long.ts", both)
    with path.open("rb") as file:
        found = list(convscope.stream(finished.folder, file, say=lambda line: None))
    assert [(each.name, each.start) for each in found] == [
        ("stream", pytest.approx(1.2 * at)) for at in range(4)
    ]
    write_film(tmp_path / "long.avi", both)
    parts = convscope.predict(finished.folder, [str(tmp_path / "long.avi")], part=1.2).rows
    assert [each.label for each in found] == [parts[0].label] * 2 + [parts[-1].label] * 2
    assert found[-1].end == pytest.approx(parts[-1].end, abs=0.05)


@pytest.mark.parametrize(
    "method", ["maps", "kernels", "position", "why", "occlusion", "statistics", "patches"]
)
def test_every_way_to_look_gives_figures_and_arrays(finished, films, tmp_path, method):
    paths = [str(films / "across" / "p0_across.avi"), str(films / "down" / "p0_down.avi")]
    seen = convscope.look(finished.folder, None if method == "kernels" else paths, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_a_position_of_frames_rows_and_columns_adds_up(finished, films):
    path = str(films / "down" / "p0_down.avi")
    seen = convscope.look(finished.folder, path, method="position", layers=[LAYER])
    (values,) = seen.about["inputs"].values()
    assert len(values["at"]) == len(values["input_window"]) == 3
    products = next(array for name, array in seen.arrays.items() if name.endswith("/products"))
    assert products.shape[:3] == (1, 3, 3)
    assert products.sum(dtype=np.float64) == pytest.approx(values["sum"], rel=1e-6)


def test_it_is_explained_in_frames_and_seconds_and_its_features_are_extracted(finished, films, tmp_path):
    explained = convscope.explain(finished.folder)
    assert "Classifies clips of 6 gray frames of 32x32 pixels into 2 classes" in explained.purpose
    assert "0.2 s apart: an input shows 1.2 s of a film" in explained.purpose
    features = convscope.extract(finished.folder, films, layers="pool", out=tmp_path / "f.parquet")
    assert features.matrix("pool").shape == (2 * PER_CLASS, 16)


def test_its_report_shows_films_that_play(finished):
    page = finished.report_path.read_text("utf-8")
    assert "temporal_shift" in page
    assert page.count("data:image/webp") > 2


def test_a_plain_model_of_frames_reads_the_same_files(films, tmp_path):
    temporal_shift((6, 32, 32, 3), 2, width=4).save(tmp_path / "plain.keras")
    path = str(films / "down" / "p0_down.avi")
    seen = convscope.look(tmp_path / "plain.keras", path, method="maps", channels=2)
    assert any("as the model takes them" in note for note in seen.notes)


def numbered(count, room):
    """A clip whose frames have their number as values."""
    frames = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(3, axis=2)
    return packed(frames, frames[0], room)[None]


def fitted(films, **options):
    clips = read_inputs([str(films)])
    return clips, *fit_representation(Split(clips, np.zeros(len(clips), np.int64)), **options)


def test_clips_are_decoded_once_within_the_limit_and_each_time_beyond_it(films):
    clips, made, _ = fitted(films, frames=6, side=32)
    assert ClipRepresentation.from_json(json.loads(json.dumps(made.to_json()))) == made
    decoded = []

    def count(clip):
        decoded.append(clip.name)
        return made.decode(clip)

    whole_clips = made.encode(clips)
    each = (made.room + 2) * 32 * 32
    counting = replace(whole_clips, encode=lambda clip: packed(*count(clip), made.room))
    half = kept(counting, each * 3)
    rows = np.array([0, 5, 2, 0])
    first, second = half.take(rows), half.take(rows)
    whole = whole_clips.take(rows)
    assert np.array_equal(first, whole) and np.array_equal(second, whole)
    assert counts_of(whole).tolist() == [6] * 4
    assert half.room == 3
    assert decoded.count(clips.name(5)) == 2, "it lies beyond the limit"
    assert decoded.count(clips.name(2)) == 1


def test_of_a_fixed_camera_a_model_takes_what_differs_from_the_background(films):
    clips, made, _ = fitted(films, frames=6, side=32)
    assert made.camera == "fixed" and made.channels == 1
    values = made.to_inputs(made.encode(clips).take(np.arange(2)))
    assert values.shape == (2, 6, 32, 32, 1) and values.dtype == np.float32
    assert np.median(values) == 0
    assert values.max() > 2
    _, moving_camera, said = fitted(films, frames=6, camera="moving")
    assert moving_camera.channels == 3 and "camera: moving, as given" in said
    pixels = moving_camera.to_inputs(moving_camera.encode(clips).take(np.arange(2)))
    assert 0 <= pixels.min() < pixels.max() <= 1


def test_windows_lie_where_they_are_asked_for_and_short_clips_are_held():
    made = ClipRepresentation(4, (8, 8), 1, 0.25, 10, "moving")
    assert made.times(1.0) == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert len(made.times(0.1)) == 1 and len(made.times(100)) == 10
    assert made.times(100).mean() == pytest.approx(50)
    assert made.middle(0.1) == pytest.approx([made.times(0.1)[0]] * 4)
    clips = numbered(8, room=10)
    assert clips[0, :10, 0, 0, 0].tolist() == [*range(8), 7, 7]
    found = [window(clips, 4, share)[0, :4, 0, 0, 0].tolist() for share in (0, 0.5, 1)]
    assert found == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]
    with pytest.raises(UsageError, match="room for a window"):
        ClipRepresentation(12, (8, 8), 1, 0.25, 10, "moving")


def test_changes_are_alike_for_all_frames_and_follow_the_seed():
    film = np.zeros((10, 16, 16, 1), np.uint8)
    film[:, 4:8, 4:8] = 200
    clips = packed(film, film[0], 10)[None]
    change = ClipAugmentation(6, contrast=0.0)
    one, other = (change(clips, np.random.default_rng(1)) for _ in range(2))
    assert one.shape == (1, 6 + BESIDE, 16, 16, 1)
    assert np.array_equal(one, other)
    assert (one[:, :-1] == one[:, :1]).all(), "what stands still stands still, as does its background"
    assert counts_of(one).tolist() == [6]
    still = augmentation(0.0, frames=10)(clips, np.random.default_rng(0))
    assert np.array_equal(still, clips)


def test_an_answer_is_averaged_over_windows_and_mirror_images():
    clips = numbered(8, room=8)
    starts = [int(view(clips)[0, 0, 0, 0, 0]) for view in views_of(windows=3, frames=4)]
    assert starts == [0, 4], "the middle one is what is predicted anyway"
    assert len(views_of(windows=3, mirror=True, frames=4)) == 5
    assert len(views_of(windows=3, mirror=True, flip=False, frames=4)) == 2
    assert views_of(windows=1, frames=4) == []
    clips[0, :9, :, 0] = 99
    mirrored = views_of(windows=1, mirror=True, frames=4)[0](clips)
    assert (mirrored[0, :5, 0, -1] == 99).all() and (mirrored[0, :5, 0, 0] != 99).all()


def test_the_loss_falls(finished):
    with (finished.folder / "history.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == SETTINGS["epochs"]
    assert min(losses[-2:]) < losses[0]


def test_kernels_over_time_and_what_excites_them_move(tmp_path):
    c3d((6, 32, 32, 3), 2, width=4, depth=2).save(tmp_path / "plain.keras")
    seen = convscope.look(tmp_path / "plain.keras", method="kernels", layers=["block2_conv"], excite=2)
    assert [path.name for path in seen.save(tmp_path / "deep.png")] == ["deep.png", "deep-excitations.apng"]
    seen = convscope.look(tmp_path / "plain.keras", method="kernels", layers=["block1_conv"], channels=3)
    assert [path.name for path in seen.save(tmp_path / "seen.png")] == ["seen.png", "seen-weights.apng"]
    with Image.open(tmp_path / "seen-weights.apng") as film:
        assert (film.n_frames, film.info["loop"]) == (3, 0)
        frames = [np.asarray(film.convert("RGB")).astype(int)]
        film.seek(1)
        assert np.abs(np.asarray(film.convert("RGB")) - frames[0]).max() > 20
    assert "data:image/apng" in seen.save(tmp_path / "seen.html")[0].read_text("utf-8")
