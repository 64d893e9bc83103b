"""Image segmentation from a folder to masks: one small training, and everything that goes on from it."""

import json

import numpy as np
import pytest
from made_masks import NAMES, SIDES, shapes, write_pairs
from PIL import Image

import convscope
from convscope.kinds.registry import find_recipe


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = write_pairs(tmp_path_factory.mktemp("shapes") / "data", count=30)
    (folder / "classes.txt").write_text("\n".join(NAMES))
    return folder


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    settings = {"epochs": 12, "learning_rate": 5e-3, "averaging": 0.0, "augmentation": 0.2}
    return convscope.train(data, out=out, width=8, depth=3, verbose=0, **settings)


def test_it_learns_and_its_metrics_are_those_of_an_evaluation(run):
    measured = run.metrics()["test"]
    assert measured["mean_iou"] > 0.6
    assert [each["name"] for each in measured["classes"]] == list(NAMES)
    assert convscope.evaluate(run.folder).to_json() == measured


def test_predict_writes_masks_of_the_size_of_each_image(run, tmp_path):
    pixels, mask = shapes(1000)
    Image.fromarray(pixels).save(tmp_path / "new.png")
    Image.fromarray(pixels).resize((96, 72)).save(tmp_path / "large.png")
    paths = [str(tmp_path / name) for name in ("new.png", "large.png")]
    rows = convscope.predict(run.folder, paths, masks=str(tmp_path / "out")).rows
    assert [row.classes.shape for row in rows] == [SIDES, (72, 96)]
    for row in rows:
        written = Image.open(row.file)
        assert written.mode == "P"
        assert np.array_equal(np.asarray(written), row.classes)
        assert sum(row.amounts.values()) == row.classes.size
        assert json.loads(json.dumps(row.to_json()))["unit"] == "pixels"
    assert np.mean(rows[0].classes == mask) > 0.8
    assert convscope.predict(run.folder, paths[:1]).rows[0].file == ""


def test_images_of_one_name_get_masks_of_their_own(run, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.fromarray(shapes(1)[0]).save(tmp_path / folder / "same.png")
    paths = [str(tmp_path / folder / "same.png") for folder in ("a", "b")]
    files = [row.file for row in convscope.predict(run.folder, paths, masks=str(tmp_path / "out")).rows]
    assert len(set(files)) == 2


def test_the_report_draws_masks_beside_the_truth(run):
    page = run.report_path.read_text("utf-8")
    assert "Masks of 3 test samples, the worst first" in page
    assert "Mean IoU" in page


@pytest.mark.parametrize("method", ["maps", "kernels", "position", "why"])
def test_every_way_to_look_gives_figures(run, data, tmp_path, method):
    given = None if method == "kernels" else [str(data / "images" / "00.png")]
    options = {"target": "disc"} if method == "why" else {}
    assert convscope.look(run.folder, given, method=method, channels=2, **options).save(tmp_path / "seen.png")


def test_it_is_explained_and_extracted(run, data, tmp_path):
    explained = convscope.explain(run.folder)
    assert {"down0_1_conv", "up0_2_conv", "classes"} <= {layer.path for layer in explained.layers}
    found = convscope.extract(
        run.folder, [str(data / "images" / "00.png")], out=tmp_path / "features.parquet"
    )
    assert (found.layers, len(found)) == (("down2_2_conv",), 1)


def test_larger_images_are_seen_in_windows_that_agree_with_the_whole(run, data, tmp_path):
    fewer = convscope.train(
        data, out=tmp_path / "run", epochs=1, width=4, depth=2, size=(24, 32), tile=(16, 16), verbose=0
    )
    assert fewer.representation()["window_height"] == 16
    parts = convscope.extract(fewer.folder, str(data), out=tmp_path / "parts.parquet", windows=True)
    whole = convscope.extract(fewer.folder, str(data), out=tmp_path / "whole.parquet")
    assert (len(parts), len(whole)) == (120, 30)
    assert set(parts.columns().labels) <= set(NAMES)
    assert np.allclose(parts.matrix().reshape(30, 4, -1).mean(axis=1), whole.matrix(), atol=0.05)
    rows = convscope.predict(fewer.folder, [str(data / "images" / "00.png")]).rows
    assert rows[0].classes.shape == SIDES


def test_an_interrupted_training_ends_with_the_same_weights(data, tmp_path):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise KeyboardInterrupt

    given = {"epochs": 2, "width": 4, "depth": 2, "verbose": 0, "precision": "float32"}
    whole = convscope.train(data, out=tmp_path / "whole", **given)
    with pytest.raises(KeyboardInterrupt):
        convscope.train(data, out=tmp_path / "parts", callbacks=[Stop()], **given)
    parts = convscope.train(resume=tmp_path / "parts", verbose=0)
    assert parts.metrics()["test"] == whole.metrics()["test"]


def test_folds_test_every_image_once(data, tmp_path):
    runs = convscope.train(data, out=tmp_path / "folds", folds=2, epochs=1, width=4, depth=2, verbose=0)
    assert sum(run.metrics()["test"]["samples"] for run in runs.runs) == 30


def test_a_mirrored_view_is_mirrored_back():
    views = find_recipe("image-segmentation").test_time_views()
    values = np.random.default_rng(0).random((2, 4, 5, 3))
    assert np.array_equal(views[0](views[0](values)), values)
    assert not find_recipe("image-segmentation").test_time_views(flip=False)
