"""Point clouds from files to a judged model, and all that goes on from there."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from made_clouds import PER_CLASS, shape, write_clouds, write_xyz

import convscope
from convscope.errors import DataError, UsageError
from convscope.kinds.points.models import pointnext_s
from convscope.kinds.points.readers.forms import read_cloud
from convscope.kinds.points.representation import CloudRepresentation
from convscope.scope.record import record

pytest.importorskip("laspy")

SETTINGS = {"epochs": 4, "batch_size": 8, "learning_rate": 5e-3, "precision": "float32"}
OPTIONS = {"width": 4, "points": 32, "neighborhood": 6}


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    return write_clouds(tmp_path_factory.mktemp("clouds") / "data", intensity=True)


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def finished(clouds, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    return convscope.train(clouds, out=out, options=OPTIONS, say=said.append, **SETTINGS)


def test_a_folder_per_class_is_recognized_trained_and_evaluated(finished, said):
    assert "recipe: points-classification, because ball/00.xyz is a point cloud" in said
    assert any(line.startswith("points: 32 of each cloud, as given") for line in said)
    assert any(line.startswith("features: x, y, z and intensity, which all") for line in said)
    assert any(line.startswith("turn: ") for line in said)
    assert finished.metrics()["test"]["accuracy"] >= 0.5
    assert convscope.evaluate(finished.folder).to_json() == finished.metrics()["test"]


def test_files_are_predicted_and_what_is_none_is_named(finished, tmp_path):
    write_xyz(tmp_path / "a.xyz", np.column_stack([shape("ball", 99), np.ones(80)]), "x y z intensity")
    (tmp_path / "b.ply").write_bytes(b"no")
    (tmp_path / "notes.md").write_text("none")
    found = convscope.predict(finished.folder, [str(tmp_path)], votes=3)
    assert [row.name.rpartition("/")[2] for row in found.rows] == ["a.xyz"]
    assert {each.path.rpartition("/")[2] for each in found.skipped} == {"b.ply", "notes.md"}
    write_xyz(tmp_path / "c.xyz", shape("ball", 99))
    with pytest.raises(DataError, match="expected the features intensity, received none"):
        convscope.predict(finished.folder, [str(tmp_path / "c.xyz")])


@pytest.mark.parametrize(
    "method",
    ["maps", "kernels", "position", "why", "occlusion", "statistics", "patches", "critical-points", "sight"],
)
def test_every_way_to_look_gives_figures_and_arrays(finished, clouds, tmp_path, method):
    files = [str(clouds / "ball" / "00.xyz"), str(clouds / "rod" / "00.xyz")]
    seen = convscope.look(finished.folder, None if method == "kernels" else files, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_a_position_of_a_point_convolution_adds_up(finished, clouds):
    seen = convscope.look(
        finished.folder, str(clouds / "ball" / "00.xyz"), method="position", layers=["stage1_conv"]
    )
    (values,) = seen.about["inputs"].values()
    products = next(array for name, array in seen.arrays.items() if name.endswith("/products"))
    assert products.sum(dtype=np.float64) == pytest.approx(values["sum"], rel=1e-4, abs=1e-6)


def test_the_sight_of_a_point_is_exact(finished, clouds):
    """The points that a value depends on by its gradient lie within the sight of its point."""

    file = str(clouds / "rod" / "03.xyz")
    seen = convscope.look(finished.folder, file, method="sight")
    ((name, about),) = seen.about["inputs"].items()
    assert list(about) == ["stage1_conv", "stage2_conv", "stage3_conv", "stage4_conv"]
    sizes = [found["sees"] for found in about.values()]
    assert 6 == sizes[0] <= sizes[1] <= sizes[3] <= 32
    saved = json.loads((finished.folder / "representation.json").read_text())
    values = CloudRepresentation.from_json(saved).to_array(read_cloud(Path(file), file))[None]
    model = keras.models.load_model(finished.folder / "model.keras")
    moved = values.copy()
    inside = seen.arrays[f"{name}/stage1_conv"]
    moved[0, ~inside, 3] += 3  # another intensity, at the same place
    at = about["stage1_conv"]["point"]
    before, after = (record(model, each, ["stage1_conv"])["stage1_conv"].array[0] for each in (values, moved))
    assert np.allclose(before[at], after[at], atol=1e-5)
    assert not np.allclose(before, after, atol=1e-3)


def test_it_is_explained_in_points_and_its_features_are_extracted(finished, clouds, tmp_path):
    explained = convscope.explain(finished.folder)
    assert "32 points" in explained.purpose
    assert "those farthest apart come first" in explained.purpose
    assert any("neighborhood" in line for line in explained.key_points)
    features = convscope.extract(finished.folder, clouds, layers="head_relu", out=tmp_path / "f.parquet")
    assert features.matrix("head_relu").shape == (2 * PER_CLASS, 2 * 4 * 16)


def test_its_report_shows_clouds(finished):
    page = finished.report_path.read_text("utf-8")
    assert "pointnext_s" in page
    assert page.count("<img") > 2


def test_a_plain_model_of_points_reads_the_same_files(clouds, tmp_path):
    model = pointnext_s((32, 4), 2, width=4)
    model.save(tmp_path / "plain.keras")
    file = str(clouds / "ball" / "00.xyz")
    seen = convscope.look(tmp_path / "plain.keras", file, method="maps", channels=2)
    assert any("features: x, y, z and intensity" in note for note in seen.notes)
    pointnext_s((32, 9), 2, width=4).save(tmp_path / "more.keras")
    with pytest.raises(UsageError):
        convscope.look(tmp_path / "more.keras", file, method="maps")


def test_class_activation_maps_are_those_of_layers_with_a_value_for_each_point():
    from convscope.scope import attribute

    model = pointnext_s((64, 4), 2, width=4)
    x = np.random.default_rng(0).normal(size=(1, 64, 4)).astype("float32")
    (found,) = attribute(model, x, method="grad-cam")
    assert found.values.shape[:1] == (64,)
    few = [
        layer.name for layer in model.layers if len(layer.output.shape) == 3 and layer.output.shape[1] < 64
    ]
    assert few
    with pytest.raises(UsageError, match="do not lie over the input"):
        attribute(model, x, method="grad-cam", layer=few[-1])


FEW = 12


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A cloud of fewer points than the model takes, which repeats them."""
    values = np.column_stack([shape("ball", 7, FEW), np.linspace(0, 200, FEW)])
    return write_xyz(tmp_path_factory.mktemp("few") / "few.xyz", values, "x y z intensity")


def encoded(finished, path):
    saved = json.loads((finished.folder / "representation.json").read_text())
    return CloudRepresentation.from_json(saved).to_array(read_cloud(Path(path), str(path)))[None]


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam", "integrated-gradients", "occlusion"])
def test_points_that_repeat_others_are_not_shown_in_attributions(finished, few, method):
    from convscope.scope import attribute

    seen = convscope.look(finished.folder, str(few), method=method)
    (values,) = seen.arrays.values()
    model = keras.models.load_model(finished.folder / "model.keras")
    (whole,) = attribute(model, encoded(finished, few), method=method)
    assert whole.values.shape == (32,)
    assert values.shape == (FEW,)
    if method == "integrated-gradients":  # a point adds what all that stand for it add
        assert values.sum() == pytest.approx(whole.values.sum(), rel=1e-4)
        repeated = [whole.values[at::FEW].sum() for at in range(FEW)]
        np.testing.assert_allclose(values, repeated, rtol=1e-4, atol=1e-6)
    else:
        np.testing.assert_allclose(values, whole.values[:FEW], rtol=1e-4, atol=1e-6)
    (figure,) = seen.figures()
    texts = [each.get_text() for each in figure.axes[0].texts]
    assert any(f"{FEW} points, repeated to 32" in text for text in texts)


def test_points_that_repeat_others_do_not_count_in_statistics_and_patches(finished, few, clouds):
    files = [str(few), str(clouds / "rod" / "03.xyz")]
    seen = convscope.look(finished.folder, files, method="statistics", layers=["stem_relu"])
    model = keras.models.load_model(finished.folder / "model.keras")
    maps = [record(model, encoded(finished, path), ["stem_relu"])["stem_relu"].array[0] for path in files]
    counted = np.concatenate([maps[0][:FEW], maps[1]])
    (path,) = seen.about["layers"]
    np.testing.assert_allclose(seen.arrays[f"{path}/mean"], counted.mean(axis=0), rtol=1e-4, atol=1e-6)
    found = convscope.look(finished.folder, files, method="patches", layers=["stage1_conv"]).arrays
    places = found["stage1_conv/positions"].reshape(*found["stage1_conv/samples"].shape, -1)
    assert (places[found["stage1_conv/samples"] == 0] < FEW).all()
