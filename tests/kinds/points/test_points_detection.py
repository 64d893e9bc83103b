"""Detection in clouds from a folder to boxes: one small training, and everything that goes on from it."""

import json

import numpy as np
import pytest
from made_streets import NAMES, boxes, scan, write_kitti, write_table

import convscope
from convscope.errors import UsageError
from convscope.kinds.points.detection.boxes import overlaps_above
from convscope.kinds.points.detection.reader import read_boxed_clouds
from convscope.kinds.points.detection.representation import PillarRepresentation, fit_representation
from convscope.kinds.registry import build, choose_recipe

SMALL = {"width": 16, "verbose": 0, "averaging": 0.0}


@pytest.fixture(scope="module")
def data(built_once):
    return built_once("yards", lambda folder: write_table(folder / "data", 60))


@pytest.fixture(scope="module")
def run(data, built_once):
    """A finished run; to be read, not changed."""
    settings = {"epochs": 24, "learning_rate": 5e-3, "augmentation": 0.3, "points": 1024, **SMALL}
    return built_once(
        "points-detection",
        lambda folder: convscope.train(data, recipe="points-detection", out=folder / "run", **settings),
    )


def test_it_learns_and_its_metrics_are_those_of_an_evaluation(run):
    measured = run.metrics()["test"]
    assert measured["mean_ap_above"] > 0.15
    assert [each["name"] for each in measured["classes"]] == list(NAMES)
    assert measured["levels"] == ["all"]
    assert convscope.evaluate(run.folder).to_json() == measured
    assert len(json.loads((run.folder / "calibration.json").read_text())["thresholds"]) == 2


def test_predict_gives_boxes_in_the_coordinates_of_each_cloud_that_are_read_again(run, tmp_path):
    (tmp_path / "in").mkdir()
    true = boxes(1001)
    scan(true, 1001).tofile(tmp_path / "in" / "new.bin")
    scan(boxes(0, 0), 5).tofile(tmp_path / "in" / "floor.bin")
    rows = convscope.predict(run.folder, [str(tmp_path / "in")], boxes=str(tmp_path / "out")).rows
    found = [row for row in rows if row.name.endswith("new.bin") and row.class_name]
    shared = overlaps_above(true.values, np.array([row.values for row in found]))
    assert shared.max() > 0.5
    assert {row.class_name for row in found} <= set(NAMES)
    for row in rows:
        assert json.loads(json.dumps(row.to_json()))["sample"] == row.name
        assert row.to_cells()["sample"] == row.name
        assert row.file == str(tmp_path / "out" / "boxes.json")
    table = tmp_path / "in" / "boxes.json"
    table.write_bytes((tmp_path / "out" / "boxes.json").read_bytes())
    again = read_boxed_clouds(tmp_path / "in", seed=None)
    assert sum(map(len, again.test.labels)) == sum(bool(row.values) for row in rows)


def test_a_threshold_that_is_given_goes_before_the_one_that_was_found(run, data):
    path = str(data / "05.bin")
    every = convscope.predict(run.folder, [path], threshold=0.02).rows
    none = convscope.predict(run.folder, [path], threshold=1.0).rows
    assert len(every) > len(convscope.predict(run.folder, [path]).rows)
    assert [row.to_json()["x"] for row in none] == [None]
    assert none[0].to_row()["x"] == "" and none[0].to_cells()["class"] == "nothing found"


def test_the_report_draws_the_worst_clouds(run):
    page = run.report_path.read_text("utf-8")
    assert "test clouds, the worst first" in page
    assert "mAP in space" in page


@pytest.mark.parametrize("method", ["maps", "kernels", "position", "why", "boxes-above"])
def test_every_way_to_look_gives_figures(run, data, tmp_path, method):
    given = None if method == "kernels" else [str(data / "05.bin")]
    options = {"target": "crate"} if method == "why" else {}
    found = convscope.look(run.folder, given, method=method, channels=2, **options)
    assert found.save(tmp_path / "seen.png")


def test_boxes_from_above_need_a_run(tmp_path):
    model = build("pillar_net", (256, 4), 2, grid=(32, 32), cell=0.2)
    model.save(tmp_path / "plain.keras")
    np.save(tmp_path / "in.npy", np.zeros((1, 256, 4), np.float32))
    with pytest.raises(UsageError, match="runs of points-detection"):
        convscope.look(tmp_path / "plain.keras", [str(tmp_path / "in.npy")], method="boxes-above")


def test_it_is_explained_and_extracted(run, data, tmp_path):
    explained = convscope.explain(run.folder)
    assert {"pillars", "level1_1a_conv", "smooth1_conv", "scores", "boxes"} <= {
        each.path for each in explained.layers
    }
    found = convscope.extract(run.folder, [str(data / "05.bin")], out=tmp_path / "features.parquet")
    assert len(found) == 1


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_weights(data, tmp_path):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise KeyboardInterrupt

    given = {"recipe": "points-detection", "epochs": 2, "precision": "float32", **SMALL}
    whole = convscope.train(data, out=tmp_path / "whole", **given)
    with pytest.raises(KeyboardInterrupt):
        convscope.train(data, out=tmp_path / "parts", callbacks=[Stop()], **given)
    parts = convscope.train(resume=tmp_path / "parts", verbose=0)
    assert parts.metrics()["test"] == whole.metrics()["test"]


def test_frames_of_kitti_are_trained_and_answered_in_its_lines(tmp_path):
    folder = write_kitti(tmp_path / "data")
    made = convscope.train(folder, recipe="points-detection", out=tmp_path / "run", epochs=1, **SMALL)
    assert made.metrics()["test"]["levels"] == ["easy", "moderate", "hard"]
    frames = str(folder / "training/velodyne")
    rows = convscope.predict(made.folder, [frames], threshold=0.01, boxes=str(tmp_path / "out")).rows
    lines = (tmp_path / "out" / "000000.txt").read_text().splitlines()
    assert len(lines) == sum(row.name.endswith("000000.bin") for row in rows)
    assert all(len(line.split()) == 16 and line.split()[0] in ("Car", "Pedestrian") for line in lines)


def test_grid_cells_and_classes_follow_from_the_boxes(data):
    train = read_boxed_clouds(data).train
    made, lines = fit_representation(train)
    assert made.cell == pytest.approx(0.16, abs=0.02)
    assert np.allclose(made.class_sides[0], (2.4, 1.2, 1.0), rtol=0.15)
    assert np.allclose(made.class_middles, (0.5, 1.0), atol=0.1)
    low = made.origin[0] - made.columns * made.cell / 2
    assert low < 8 and low + made.columns * made.cell > 20
    assert any(line.startswith("cells: 0.1") for line in lines)
    assert fit_representation(train, pillar=0.4)[0].cell == 0.4
    assert PillarRepresentation.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_clouds_far_from_the_origin_are_moved_to_their_middle(tmp_path):
    folder = write_table(tmp_path / "data")
    table = folder / "boxes.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    for row in rows[1:]:
        if row[2:3] != [""]:
            row[2:4] = str(float(row[2]) + 4e5), str(float(row[3]) + 5e6)
    table.write_text("\n".join(",".join(row) for row in rows).replace(".bin", ".npy"))
    for path in folder.glob("*.bin"):
        values = np.fromfile(path, np.float32).reshape(-1, 4).astype(np.float64)
        path.unlink()
        np.save(path.with_suffix(".npy"), values + np.array([4e5, 5e6, 0, 0]))
    train = read_boxed_clouds(folder).train
    made, lines = fit_representation(train)
    assert made.centered and any("own middle" in line for line in lines)
    values = made.encode(train.samples, 0).take(np.arange(1))
    there = values[0][np.abs(values[0, :, 0]) < 1000]
    assert len(there) > 500 and np.abs(there[:, :2]).max() < 20
    assert np.allclose(made.place_of(train.samples, 0), made.place(train.samples.load(0)))


def test_data_chooses_the_recipe(data, tmp_path):
    for folder in (data, write_kitti(tmp_path / "kitti")):
        assert choose_recipe(folder)[0].name == "points-detection"
