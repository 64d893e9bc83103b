"""Scenes whose points have a class each: from files to a judged model, and to clouds with classes."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_clouds import las, ply, write_xyz
from reading_runs import assert_same_run, interrupted

import convscope
from convscope.data.masks import VOID
from convscope.errors import DataError
from convscope.kinds.points.readers.forms import labels_beside, read_cloud
from convscope.kinds.points.readers.ply_pcd import ply_columns
from convscope.kinds.points.sampling import spread_ranks
from convscope.kinds.points.segmentation.blocks import (
    Scene,
    SceneRepresentation,
    above_ground,
    cut_blocks,
    label_blocks,
)
from convscope.kinds.points.segmentation.linear import local_shapes
from convscope.kinds.points.segmentation.reader import read_scenes
from convscope.kinds.points.segmentation.writer import codes_of
from convscope.kinds.registry import choose_recipe

laspy = pytest.importorskip("laspy")

SETTINGS = {"epochs": 5, "batch_size": 8, "learning_rate": 2e-2, "precision": "float32", "augmentation": 0.3}
OPTIONS = {"width": 4, "points": 64, "neighborhood": 6, "tile_side": 8.0, "attributes": ("intensity",)}
FAR = np.array([480_000.0, 5_400_000.0, 300.0])


def street(seed, count=900, side=24.0):
    """Flat ground (2) with poles (5) and a wire above (14), and the label of each point."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice([2, 5, 14], count, p=[0.6, 0.2, 0.2])
    places = rng.uniform(0, side, (count, 3)) * (1, 1, 0) + rng.normal(0, 0.03, (count, 3))
    poles, wires = kinds == 5, kinds == 14
    places[poles, :2] = np.floor(places[poles, :2] / 4) * 4 + 2 + rng.normal(0, 0.05, (poles.sum(), 2))
    places[poles, 2] = rng.uniform(0.3, 3.5, poles.sum())
    places[wires, 1] = np.floor(places[wires, 1] / 4) * 4 + 2
    places[wires, 2] += 4
    return places + FAR, kinds


def write_street(path, seed=0, **given):
    places, kinds = street(seed, **given)
    return las(path, places, kinds.astype(np.uint8), intensity=np.arange(len(kinds), dtype=np.uint16) % 7)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_street(tmp_path_factory.mktemp("scene") / "street.las")


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def finished(scene, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    return convscope.train(scene, out=out, options=OPTIONS, say=said.append, **SETTINGS)


def test_a_scan_with_classes_is_cut_into_tiles_and_judged_beside_a_linear_classifier(finished, said):
    assert "recipe: points-segmentation, because street.las has a label for each point" in said
    assert any(line.startswith("tiles: squares of ground with sides of 8, as given") for line in said)
    assert any("float64" in line for line in said)
    measured = finished.metrics()["test"]
    assert [each["name"] for each in measured["classes"]] == ["ground", "high vegetation", "wire conductor"]
    assert measured["mean_iou"] > 0.3
    assert measured["baseline"]["name"] == "linear classifier"
    assert measured["baseline"]["mean_iou"] > 0.5
    judged = convscope.evaluate(finished.folder)
    assert judged.to_json() == measured
    assert "without the network: linear classifier, mean IoU" in judged.to_line()
    assert judged.to_table()[0][-1] == "IoU, linear classifier"


def test_the_same_seed_gives_the_same_classes_and_a_training_goes_on(scene, tmp_path, finished):
    again = convscope.train(scene, out=tmp_path / "again", options=OPTIONS, **SETTINGS)
    assert again.metrics()["test"] == finished.metrics()["test"]
    assert convscope.train(resume=again.folder).metrics() == again.metrics()


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_weights(finished, scene, tmp_path):
    run = interrupted(scene, tmp_path / "run", SETTINGS, 2, 1, options=OPTIONS)
    assert_same_run(convscope.train(resume=run.folder), finished)


def test_las_is_written_with_its_own_points_and_a_class_more(finished, scene, tmp_path):
    row = convscope.predict(finished.folder, [str(scene)], masks=str(tmp_path / "out")).rows[0]
    before, after = laspy.read(scene), laspy.read(row.file)
    assert Path(row.file).name == "street_classes.las"
    assert np.array_equal(before.X, after.X)
    assert np.array_equal(before.intensity, after.intensity)
    assert np.array_equal(before.classification, after.classification)
    assert set(np.unique(after["predicted_class"])) <= {0, 1, 2}
    names = json.loads((tmp_path / "out" / "classes.json").read_text())
    assert names == {"0": "ground", "1": "high vegetation", "2": "wire conductor"}
    right = np.mean(np.array([2, 5, 14])[after["predicted_class"]] == before.classification)
    assert right > 0.6
    assert sum(row.amounts.values()) == 900


def test_other_forms_are_written_as_they_were(finished, tmp_path):
    places, _ = street(3, 200, 10.0)
    columns = {axis: places[:, at] for at, axis in enumerate("xyz")}
    columns |= {"intensity": np.ones(200, np.float32), "id": np.arange(200, dtype=np.int32)}
    columns["z"][5] = np.nan
    (tmp_path / "a.ply").write_bytes(ply(columns))
    write_xyz(tmp_path / "b.xyz", np.column_stack([places, np.ones(200)]), "x y z intensity")
    np.savez(tmp_path / "c.npz", points=places, intensity=np.ones(200), other=np.zeros(3))
    found = convscope.predict(finished.folder, [str(tmp_path)], masks=str(tmp_path / "out")).rows
    assert [Path(row.file).name for row in found] == ["a_classes.ply", "b_classes.xyz", "c_classes.npz"]
    written = ply_columns(Path(found[0].file), "a")
    assert list(written) == [*columns, "predicted_class"]
    assert np.array_equal(written["id"], columns["id"])
    assert (written["predicted_class"] == -1).nonzero()[0].tolist() == [5]
    lines = Path(found[1].file).read_text().splitlines()
    assert lines[0] == "x y z intensity predicted_class"
    assert lines[1].startswith(" ".join(f"{number:.6f}" for number in (*places[0], 1)))
    with np.load(found[2].file) as archive:
        assert set(archive.files) == {"points", "intensity", "other", "predicted_class"}


@pytest.mark.parametrize(
    "method", ["maps", "kernels", "position", "why", "occlusion", "statistics", "patches", "sight"]
)
def test_every_way_to_look_gives_figures_and_arrays(finished, scene, tmp_path, method):
    seen = convscope.look(
        finished.folder, None if method == "kernels" else str(scene), method=method, channels=2
    )
    assert seen.save(tmp_path / "seen.png")
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_why_a_point_has_its_class(finished, scene):
    seen = convscope.look(finished.folder, str(scene), method="integrated-gradients", at=(7,))
    (about,) = seen.about["inputs"].values()
    assert "integrated-gradients" in about


def test_features_are_those_of_scenes_or_of_blocks(finished, scene, tmp_path):
    whole = convscope.extract(finished.folder, str(scene), out=tmp_path / "a.parquet")
    parts = convscope.extract(finished.folder, str(scene), out=tmp_path / "b.parquet", windows=True)
    assert len(whole) == 1
    assert len(parts) > 10
    assert parts.columns().paths[0].endswith("[0]")
    represent = SceneRepresentation.from_json(
        json.loads((finished.folder / "representation.json").read_text())
    )
    splits = read_scenes(scene, tile_side=8.0)
    blocks = cut_blocks(represent, splits.test.samples, True)
    labels = label_blocks(blocks, splits.test.labels, splits.class_names)
    at, rows = blocks.places[0]
    assert labels[0] == np.bincount(splits.test.labels[at].load()[rows]).argmax()


def test_it_is_explained_and_its_report_shows_scenes(finished):
    explained = convscope.explain(finished.folder)
    assert "64 neighboring points" in explained.purpose
    page = finished.report_path.read_text("utf-8")
    assert "test scenes" in page
    assert "linear classifier" in page


def labelled(folder, count=12, header="x y z label"):
    for at in range(count):
        places, kinds = street(at, 120, 8.0)
        write_xyz(folder / f"{at:02d}.xyz", np.column_stack([places - FAR, kinds]), header)
    return folder


def test_many_clouds_stay_whole_and_names_come_from_a_file(tmp_path):
    folder = labelled(tmp_path)
    (folder / "classes.txt").write_text("2 floor\n5 pole\n14 void\n")
    splits = read_scenes(folder)
    assert splits.class_names == ("floor", "pole")
    assert "void: void, neither learned nor judged; --void changes that" in splits.decisions
    mask = splits.train.labels[0]
    classes = mask.load()
    labels = splits.train.samples.load(0).labels
    assert ((classes == VOID) == (labels == 14)).all()
    assert mask.void == (labels == 14).sum()
    assert read_scenes(folder, void=["none", "pole"]).class_names == ("floor", "void")
    with pytest.raises(DataError, match="expected a class 'roof' that is void"):
        read_scenes(folder, void=["roof"])


def test_labels_beside_clouds_in_every_form_and_official_splits(tmp_path):
    for split, at in (("train", 0), ("train", 1), ("val", 2), ("test", 3)):
        places, kinds = street(at, 100, 8.0)
        file = tmp_path / split / f"{at}.npy"
        file.parent.mkdir(exist_ok=True)
        np.save(file, places - FAR)
        if at == 0:
            np.save(file.with_name("0_labels.npy"), kinds)
        elif at == 1:
            file.with_name("1_labels.txt").write_text("\n".join(map(str, kinds)))
        elif at == 2:
            (file.parent / "labels").mkdir()
            (file.parent / "labels" / "2.txt").write_text("\n".join(map(str, kinds)))
        else:
            file.with_name("3.label").write_bytes((kinds.astype("<u4") | (7 << 16)).tobytes())
    splits = read_scenes(tmp_path)
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [2, 1, 1]
    assert splits.class_names == ("2", "5", "14")
    for name in ("train", "validation", "test"):
        truth = {0: street(0, 100, 8.0)[1], 2: street(2, 100, 8.0)[1], 3: street(3, 100, 8.0)[1]}
        number = int(Path(splits[name].samples.name(0)).stem)
        assert np.array_equal(np.array([2, 5, 14])[splits[name].labels[0].load()], truth[number])
    (tmp_path / "train" / "1_labels.txt").write_text("2\n5\n")
    assert any("a label for each of 100 points" in each.reason for each in read_scenes(tmp_path).skipped)


def test_labels_of_points_without_a_position_are_left_out_with_them(tmp_path):
    places, kinds = street(0, 50)
    places[7] = np.nan
    np.save(tmp_path / "a.npy", places)
    np.save(tmp_path / "a_labels.npy", kinds)
    cloud = read_cloud(tmp_path / "a.npy", "a")
    assert labels_beside(tmp_path / "a.npy") == tmp_path / "a_labels.npy"
    assert np.array_equal(cloud.labels, np.delete(kinds, 7))
    assert (cloud.whole, len(cloud.kept)) == (50, 49)


def test_the_published_labels_of_oakland_are_recognized(tmp_path):
    places, kinds = street(0, 400)
    rows = np.column_stack([places - FAR, np.arange(400), 1000 + kinds, np.random.default_rng(0).random(400)])
    write_xyz(tmp_path / "part.node_features", rows, "# format: x y z node_id node_label [features]")
    recipe, why = choose_recipe(tmp_path)
    assert recipe.name == "points-segmentation", why
    splits = read_scenes(tmp_path)
    assert splits.class_names == ("1002", "1005", "1014")
    assert splits.train.samples.load(0).names == ("feature1",)
    assert codes_of(splits.class_names).tolist() == [1002, 1005, 1014]
    assert any(line.startswith("tiles: squares") and "one cloud" in line for line in splits.decisions)


def test_clouds_without_labels_are_refused(tmp_path):
    write_xyz(tmp_path / "a.xyz", street(0, 30)[0])
    with pytest.raises(DataError, match="expected points with labels, received 1 clouds without"):
        read_scenes(tmp_path)


def test_blocks_cover_a_scene_and_their_first_points_cover_them():
    places = street(0, 3000)[0] - FAR
    scene = Scene(places, np.zeros((3000, 1), np.float32), spread_ranks(places))
    blocks = scene.cover(256)
    assert set(np.concatenate(blocks).tolist()) == set(range(3000))
    assert len(blocks) < 3 * 3000 / 256
    rows = blocks[0]
    gaps = np.linalg.norm(places[rows][:, None] - places[rows[:64]][None], axis=2).min(axis=1)
    assert gaps.max() < 0.5 * np.linalg.norm(np.ptp(places[rows], axis=0))


def test_height_is_above_the_ground_nearby_and_shapes_are_those_around_a_point():
    places = np.array([[x, y, 0.5 * x] for x in range(20) for y in range(20)], float)
    top = np.array([[10.0, 10.0, 9.0]])
    assert above_ground(np.concatenate([places, top]), 1.0)[-1] == pytest.approx(9 - 4.5)
    line = np.column_stack([np.linspace(0, 1, 40), np.zeros(40), np.zeros(40)])
    scene = Scene(line, np.zeros((40, 1), np.float32), np.arange(40))
    assert local_shapes(scene, np.arange(40))[:, 0].min() > 0.99


def test_a_representation_comes_back_from_its_file(finished):
    saved = json.loads((finished.folder / "representation.json").read_text())
    assert SceneRepresentation.from_json(saved).to_json() == saved
