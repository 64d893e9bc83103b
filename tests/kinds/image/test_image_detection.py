"""Detection from a folder to boxes: one small training, and everything that goes on from it."""

import json

import numpy as np
import pytest
from made_boxes import NAMES, SIDES, save, scene, write_coco
from PIL import Image

import convscope
from convscope.errors import UsageError
from convscope.kinds.image.detection.reader import read_boxed_images
from convscope.kinds.image.detection.representation import BoxedImageRepresentation, fit_representation
from convscope.kinds.registry import build

pytest.importorskip("pycocotools")
SMALL = {"width": 8, "verbose": 0, "averaging": 0.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "data"
    folder.mkdir()
    return write_coco(folder, 40)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    settings = {"epochs": 25, "learning_rate": 5e-3, "augmentation": 0.3, **SMALL}
    return convscope.train(data, out=out, **settings)


def test_it_learns_and_its_metrics_are_those_of_an_evaluation(run):
    measured = run.metrics()["test"]
    assert measured["mean_ap50"] > 0.5
    assert [each["name"] for each in measured["classes"]] == list(NAMES)
    assert convscope.evaluate(run.folder).to_json() == measured
    assert len(json.loads((run.folder / "calibration.json").read_text())["thresholds"]) == 2


def test_predict_gives_boxes_in_pixels_of_each_image_drawn_and_as_coco(run, tmp_path):
    pixels, _ = scene(1003)
    save(pixels, tmp_path / "in" / "new.png")
    wide = Image.fromarray(pixels).resize((2 * SIDES[1], 2 * SIDES[0]), Image.Resampling.BICUBIC)
    wide.save(tmp_path / "in" / "large.png")
    save(np.full((40, 50), 90, np.uint8), tmp_path / "in" / "gray.png")
    rows = convscope.predict(run.folder, [str(tmp_path / "in")], boxes=str(tmp_path / "out")).rows
    found = {}
    for row in rows:
        found.setdefault(row.name.rpartition("/")[2], []).append(row)
        with Image.open(row.file) as drawn:
            assert drawn.mode == "RGB"
        assert json.loads(json.dumps(row.to_json()))["sample"] == row.name
    sure = [row for row in found["new.png"] if row.class_name]
    assert {row.class_name for row in sure} <= set(NAMES) and sure
    large = [row for row in found["large.png"] if row.class_name]
    assert np.allclose(np.array(sure[0].corners) * 2, large[0].corners, atol=8)
    (tmp_path / "in" / "coco.json").write_bytes((tmp_path / "out" / "coco.json").read_bytes())
    assert len(read_boxed_images(tmp_path / "in" / "coco.json", seed=None).test) == 3


def test_a_threshold_that_is_given_goes_before_the_one_that_was_found(run, data):
    path = str(data / "05.png")
    every = convscope.predict(run.folder, [path], threshold=0.02).rows
    none = convscope.predict(run.folder, [path], threshold=1.0).rows
    assert len(every) > len(convscope.predict(run.folder, [path]).rows)
    assert [row.to_json()["bbox"] for row in none] == [None]
    assert none[0].to_row()["xmin"] == "" and none[0].to_cells()["class"] == "nothing found"


def test_the_report_draws_the_worst_samples(run):
    page = run.report_path.read_text("utf-8")
    assert "test samples, the worst first" in page
    assert "mAP@50" in page


@pytest.mark.parametrize("method", ["maps", "kernels", "position", "why", "boxes"])
def test_every_way_to_look_gives_figures(run, data, tmp_path, method):
    given = None if method == "kernels" else [str(data / "05.png")]
    options = {"target": "disc"} if method == "why" else {}
    found = convscope.look(run.folder, given, method=method, channels=2, **options)
    assert found.save(tmp_path / "seen.png")


def test_one_position_is_explained_and_where_it_is_is_said(run, data):
    given = [str(data / "05.png")]
    surest = convscope.look(run.folder, given, method="grad-cam")
    told = json.dumps(surest.about)
    assert '"at": [' in told
    chosen = convscope.look(run.folder, given, method="grad-cam", target="square", at=(3, 4))
    assert '"at": [3, 4]' in json.dumps(chosen.about)


def test_boxes_are_not_those_of_a_classifier(run, data, tmp_path):
    model = build("compact_cnn", (48, 48, 1), 2)
    model.save(tmp_path / "plain.keras")
    with pytest.raises(UsageError, match="maps of centers and sides"):
        convscope.look(tmp_path / "plain.keras", [str(data / "05.png")], method="boxes")


def test_it_is_explained_and_extracted(run, data, tmp_path):
    explained = convscope.explain(run.folder)
    assert {"level1_1a_conv", "smooth1_conv", "scores", "boxes"} <= {each.path for each in explained.layers}
    found = convscope.extract(run.folder, [str(data / "05.png")], out=tmp_path / "features.parquet")
    assert len(found) == 1


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_weights(data, tmp_path):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise KeyboardInterrupt

    given = {"epochs": 2, "precision": "float32", **SMALL}
    whole = convscope.train(data, out=tmp_path / "whole", **given)
    with pytest.raises(KeyboardInterrupt):
        convscope.train(data, out=tmp_path / "parts", callbacks=[Stop()], **given)
    parts = convscope.train(resume=tmp_path / "parts", verbose=0)
    assert parts.metrics()["test"] == whole.metrics()["test"]


def test_one_class_is_enough(data, tmp_path):
    plain = json.loads((data / "annotations.json").read_text())
    plain["annotations"] = [each for each in plain["annotations"] if each["category_id"] == 3]
    for name in ("annotations.json",):
        (tmp_path / name).write_text(json.dumps(plain))
    for path in data.glob("*.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    made = convscope.train(tmp_path, out=tmp_path / "run", epochs=1, **SMALL)
    assert made.record()["class_names"] == ["disc"]
    assert convscope.look(made.folder, [str(tmp_path / "05.png")], method="why").figures


def test_boxes_go_to_the_input_and_back():
    made = BoxedImageRepresentation(96, 128, 3, 4)
    corners = np.array([[1.0, 2, 30, 40], [0, 0, 50, 300]])
    for size in ((300, 50), (96, 128), (11, 700), (1, 1)):
        limits = np.array([size[1], size[0]] * 2)
        inside = np.minimum(corners, limits)
        assert np.allclose(made.from_grid(size, made.to_grid(size, inside)), inside)
        high, wide = made.fitted(size)
        pixels = made.to_pixels(np.full(size, 7, np.uint8))
        assert (pixels[:high, :wide] == 7).all() and (pixels == 7).sum() == 3 * high * wide
    assert BoxedImageRepresentation.from_json(made.to_json()) == made
    with pytest.raises(UsageError, match="multiples of 16"):
        BoxedImageRepresentation(90, 128, 3, 4)


def test_size_and_stride_follow_from_images_and_boxes(data):
    train = read_boxed_images(data).train
    made, lines = fit_representation(train)
    assert (made.height, made.width, made.stride) == (*SIDES, 4)
    assert any(line.startswith("stride: 4 pixels") for line in lines)
    assert fit_representation(train, size=(384, 512))[0].stride == 8
    assert fit_representation(train, size=(50, 64))[0].shape == (64, 64, 3)
